const windowMs = 60_000;

/**
 * The hub's time, whatever the viewer's clock says. Each message carries the hub's time at sending; the sample that
 * arrived with the least delay in the last minute is the truest. Until the first one, the browser's clock serves.
 */
export class HubClock {
  private offsetUs: number;
  private sampledAt = -Infinity;
  private isSynchronised_ = false;

  constructor(
    private readonly monotonicMs: () => number,
    wallMs: () => number,
  ) {
    this.offsetUs = (wallMs() - monotonicMs()) * 1000;
  }

  get isSynchronised(): boolean {
    return this.isSynchronised_;
  }
  nowUs(): number {
    return Math.round(this.monotonicMs() * 1000 + this.offsetUs);
  }
  sample(hubUs: number): void {
    if (!(hubUs > 0)) return;
    const now = this.monotonicMs();
    const offset = hubUs - now * 1000;
    // A smaller offset is a more delayed message (or a hub clock set back, which the window lets in after a minute).
    if (!this.isSynchronised_ || offset >= this.offsetUs || now - this.sampledAt > windowMs) {
      this.offsetUs = offset;
      this.sampledAt = now;
      this.isSynchronised_ = true;
    }
  }
}
