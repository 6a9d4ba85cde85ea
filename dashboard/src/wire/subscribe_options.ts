import type { Micros } from './objects';

/** What a subscription shows. Everything may be changed while it lives: zoom, pan, other series, rate, pause. */
export interface SubscribeOptions {
  /** Ids or names. None, and no groups: every device that you may see. */
  devices?: string[];
  groups?: string[];
  /** Names of series, `*` stands for any run of characters. */
  series?: string[];
  /** History from here on; or from so long before now. Neither: the newest values, then live. */
  fromUs?: Micros;
  agoUs?: Micros;
  /** The end of a closed range. Without: live. */
  toUs?: Micros;
  /** History in at most this many buckets a series, 1 … 20,000; 0: every reading. */
  width?: number;
  /** 0: every reading. Else values come conflated, at the fastest of 10, 5, 1, 0.2 Hz that is not faster. */
  rateHz?: number;
  /** Live readings are held back by the hub and come later. */
  paused?: boolean;
}

/** As it is sent. */
export interface SentRequest {
  devices: string[];
  groups: string[];
  series: string[];
  fromUs: Micros;
  toUs: Micros;
  width: number;
  rateHz: number;
  paused: boolean;
  /** The hub was asked to go on behind a position. */
  resuming: boolean;
}

const widthAtMost = 20_000;

/** Throws a RangeError that names the option. */
export function checkOptions(options: SubscribeOptions): void {
  const { fromUs, agoUs, toUs, width = 0, rateHz = 0 } = options;
  const refuse = (name: string, why: string): never => {
    throw new RangeError(`${name}: ${why}`);
  };
  for (const [name, value] of Object.entries({ fromUs, agoUs, toUs })) {
    if (value !== undefined && !(value >= 0 && value <= Number.MAX_SAFE_INTEGER)) refuse(name, 'microseconds, 0 or more');
  }
  if (fromUs && agoUs) refuse('agoUs', 'there is fromUs as well: give one of them');
  if (toUs && !fromUs) refuse('toUs', 'a range that ends needs fromUs');
  if (toUs && toUs <= (fromUs ?? 0)) refuse('toUs', 'the end must lie behind fromUs');
  if (!Number.isInteger(width) || width < 0 || width > widthAtMost) refuse('width', `a whole number, 0 to ${widthAtMost}`);
  if (!(rateHz >= 0 && rateHz < Infinity)) refuse('rateHz', '0, or a positive rate');
}

export function resolve(options: SubscribeOptions, nowUs: number, resuming: boolean): SentRequest {
  const fromUs = options.agoUs ? Math.max(1, nowUs - options.agoUs) : (options.fromUs ?? 0);
  return {
    devices: options.devices ?? [],
    groups: options.groups ?? [],
    series: options.series ?? [],
    fromUs: Math.floor(fromUs),
    toUs: Math.floor(options.toUs ?? 0),
    width: options.width ?? 0,
    rateHz: options.rateHz ?? 0,
    paused: options.paused ?? false,
    resuming,
  };
}

/** Whether the same history answers both: then only rate or pause differ, which the hub changes without an answer. */
export function showsAs(a: SubscribeOptions, b: SubscribeOptions): boolean {
  return shown(a) === shown(b);
}

function shown({ devices = [], groups = [], series = [], fromUs = 0, agoUs = 0, toUs = 0, width = 0 }: SubscribeOptions): string {
  return JSON.stringify([devices, groups, series, fromUs, agoUs, toUs, width]);
}

const tiersHz = [10, 5, 1, 0.2];

/** The rate that the hub makes of `rateHz`: it takes a change to the same one for a new request. */
export function tierHz(rateHz: number): number {
  return rateHz > 0 ? (tiersHz.find((tier) => tier <= rateHz) ?? 0.2) : 0;
}
