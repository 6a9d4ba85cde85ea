const windowMs = 60_000;

/**
 * The hub's time, whatever the viewer's clock says. Each message carries the hub's time at sending; the sample that
 * arrived with the least delay in the last minute is the truest, and half the shortest round trip of that time says how
 * long the way was. Until the first sample the viewer's own clock serves.
 */
export class HubClock {
  private offsetUs: number;
  private sampledAt = -Infinity;
  private isSynchronised_ = false;
  private wayUs = 0;
  private wayAt = -Infinity;

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
    return this.at(this.monotonicMs());
  }
  /** The hub's time at a moment of the monotonic clock. */
  at(ms: number): number {
    return Math.round(ms * 1000 + this.offsetUs + this.wayUs);
  }
  /** `hubUs`: the hub's time when it sent what arrived at `atMs`. */
  sample(hubUs: number, atMs = this.monotonicMs()): void {
    if (!(hubUs > 0)) return;
    const offset = hubUs - atMs * 1000;
    // A smaller offset is a more delayed message (or a hub clock set back, which the window lets in after a minute).
    if (!this.isSynchronised_ || offset >= this.offsetUs || atMs - this.sampledAt > windowMs) {
      this.offsetUs = offset;
      this.sampledAt = atMs;
      this.isSynchronised_ = true;
    }
  }
  /** A ping was answered after `ms`. */
  roundTrip(ms: number, atMs = this.monotonicMs()): void {
    if (!(ms >= 0)) return;
    const wayUs = (ms * 1000) / 2;
    if (wayUs > this.wayUs && atMs - this.wayAt <= windowMs) return;
    this.wayUs = wayUs;
    this.wayAt = atMs;
  }
}
