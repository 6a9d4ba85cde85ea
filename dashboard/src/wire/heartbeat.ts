import type { LiveParts } from './socket';

const usualMs = 15_000; // until the hub says its own
const measureEveryMs = 30_000; // the way to the hub

/**
 * Watches one connection from its beginning: asks for a ping at one heartbeat of silence (and now and then, to know the way),
 * says that it is lost at two. Covers a connect that never answers as well.
 */
export class Heartbeat {
  private timer: unknown = null;
  private everyMs = usualMs;
  private heardAt = 0;
  private pingedAt = 0;
  private pings = 0;

  constructor(
    private readonly parts: LiveParts,
    /** Sends one where it can. */
    private readonly ping: (nonce: number, clientTimeUs: number) => void,
    private readonly lost: () => void,
  ) {}

  start(): void {
    this.heard();
    this.pingedAt = this.heardAt;
    this.watch();
  }
  stop(): void {
    if (this.timer !== null) this.parts.clearTimer(this.timer);
    this.timer = null;
  }
  /** When that was. */
  heard(): number {
    return (this.heardAt = this.parts.nowMs());
  }
  /** As the hub greets: the way is measured at once. */
  greeted(everyMs: number): void {
    if (everyMs > 0) this.everyMs = everyMs;
    this.sendPing();
  }

  private watch(): void {
    this.stop();
    this.timer = this.parts.setTimer(() => {
      this.timer = null;
      const now = this.parts.nowMs();
      const silence = now - this.heardAt;
      if (silence >= 2 * this.everyMs) return this.lost();
      if (silence >= this.everyMs || now - this.pingedAt >= measureEveryMs) this.sendPing();
      this.watch();
    }, this.everyMs / 2);
  }

  private sendPing(): void {
    this.pingedAt = this.parts.nowMs();
    this.ping(++this.pings, this.pingedAt * 1000);
  }
}
