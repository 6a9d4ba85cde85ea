const samplesAtMost = 32;

export interface Lag {
  /** From the commit of a reading to the sending of it. */
  hubMs: number;
  /** From there to its arrival here. */
  wayMs: number;
}

/** How old live readings are when they arrive: the median of the newest 32 messages that carried some. */
export class LagMeter {
  private hub: number[] = [];
  private way: number[] = [];

  add(hubMs: number, wayMs: number): void {
    push(this.hub, Math.max(0, hubMs));
    push(this.way, Math.max(0, wayMs));
  }
  clear(): void {
    this.hub = [];
    this.way = [];
  }
  get lag(): Lag | null {
    return this.hub.length === 0 ? null : { hubMs: median(this.hub), wayMs: median(this.way) };
  }
}

function push(samples: number[], value: number): void {
  samples.push(value);
  if (samples.length > samplesAtMost) samples.shift();
}

function median(samples: number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}
