import type { Happening } from './happenings';

const valuesAtMost = 1_000_000; // some 16 MB of numbers
const happeningsAtMost = 20_000;

/**
 * Happenings between the link and a loop over them. One loop at a time. Bounded by values and by number: past either,
 * `push` answers false and takes nothing more until the loop has emptied the queue and `refilled` was called; the
 * subscription is then asked for anew, so that the loop goes on with a `begin` and nothing is missing behind it.
 */
export class HappeningQueue {
  private waiting: Happening[] = [];
  private values = 0;
  private next = 0;
  private isOverfull = false;
  private hasEnded = false;
  private taker: ((result: IteratorResult<Happening>) => void) | null = null;

  constructor(private readonly refill: () => void) {}

  push(happening: Happening): boolean {
    if (this.hasEnded) return true;
    if (this.isOverfull) return false;
    if (this.taker) {
      const take = this.taker;
      this.taker = null;
      take({ done: false, value: happening });
      return true;
    }
    this.waiting.push(happening);
    this.values += weight(happening);
    this.isOverfull = this.values > valuesAtMost || this.waiting.length - this.next > happeningsAtMost;
    return !this.isOverfull;
  }

  take(): Promise<IteratorResult<Happening>> {
    if (this.next < this.waiting.length) {
      const value = this.waiting[this.next++];
      this.values -= weight(value);
      if (this.next >= 1024 || this.next === this.waiting.length) {
        this.waiting.splice(0, this.next);
        this.next = 0;
      }
      return Promise.resolve({ done: false, value });
    }
    if (this.hasEnded) return Promise.resolve({ done: true, value: undefined });
    if (this.isOverfull) {
      this.isOverfull = false;
      this.refill();
    }
    if (this.taker) throw new Error('a subscription is looped over by one loop at a time');
    return new Promise((resolve) => {
      this.taker = resolve;
    });
  }

  /** What waits is still taken. */
  end(): void {
    this.hasEnded = true;
    this.taker?.({ done: true, value: undefined });
    this.taker = null;
  }
}

function weight(happening: Happening): number {
  if (happening.kind === 'readings') {
    let size = happening.values.length;
    if (happening.series.type === 'string') for (const text of happening.values as string[]) size += text.length / 8;
    return size;
  }
  return happening.kind === 'buckets' ? 8 * happening.buckets.length : 1;
}
