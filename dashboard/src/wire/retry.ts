import { backOffMs } from './back_off';
import type { AfterClose } from './close_codes';
import type { LiveParts } from './socket';

const stableAfterMs = 5_000; // a connection that lived so long starts the back-off anew

/** When to connect again: at once where the hub says so, else after a back-off that grows with each failure. */
export class Retry {
  private attempt = 0;
  private timer: unknown = null;

  constructor(
    private readonly parts: LiveParts,
    private readonly connect: () => void,
  ) {}

  reset(): void {
    this.attempt = 0;
  }
  /** A connection was lost that had been open for so long; 0: never. Answers how many failed before it. */
  lost(livedMs: number): number {
    if (livedMs >= stableAfterMs) this.attempt = 0;
    return this.attempt++;
  }
  get isWaiting(): boolean {
    return this.timer !== null;
  }
  wait(what: AfterClose, attempt: number): void {
    const { random } = this.parts;
    // "Now" is believed once: a hub that closes each fresh connection with 42xx is backed off from all the same.
    const delay = what === 'now' && attempt === 0 ? random() * 250 : backOffMs(attempt, random);
    this.timer = this.parts.setTimer(() => {
      this.timer = null;
      this.connect();
    }, delay);
  }
  now(): void {
    if (!this.isWaiting) return;
    this.cancel();
    this.connect();
  }
  cancel(): void {
    if (this.timer !== null) this.parts.clearTimer(this.timer);
    this.timer = null;
  }
}
