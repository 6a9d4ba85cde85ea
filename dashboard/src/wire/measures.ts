import type { LiveMessage } from '../gen/telemetry/v1/live_pb';
import { HubClock } from './hub_clock';
import { LagMeter, type Lag } from './lag';

/** What messages tell of time: the hub's, and how long readings are on their way. */
export class Measures {
  readonly clock: HubClock;
  private readonly meter = new LagMeter();
  private heardUs_ = 0;

  constructor(monotonicMs: () => number, wallMs: () => number) {
    this.clock = new HubClock(monotonicMs, wallMs);
  }

  get lag(): Lag | null {
    return this.meter.lag;
  }
  /** The hub's time at the newest message. */
  get heardUs(): number {
    return this.heardUs_;
  }

  add({ hub, pong, sentUs, commitUs, updates }: LiveMessage, atMs: number): void {
    const hubUs = Math.max(sentUs, hub?.serverTimeUs ?? 0, pong?.serverTimeUs ?? 0);
    if (hubUs > 0) {
      this.clock.sample(hubUs, atMs);
      this.heardUs_ = Math.max(this.heardUs_, hubUs);
    }
    if (pong) this.clock.roundTrip(atMs - pong.clientTimeUs / 1000, atMs);
    // Catch-up and history are old on purpose; their commit may be of yesterday.
    if (sentUs > 0 && commitUs > 0 && updates.some((update) => update.subscription === 0 && !update.late)) {
      this.meter.add((sentUs - commitUs) / 1000, (this.clock.at(atMs) - sentUs) / 1000);
    }
  }
  /** The connection is over. */
  disconnected(): void {
    this.meter.clear();
  }
  forget(): void {
    this.meter.clear();
    this.heardUs_ = 0;
  }
}
