// What a subscription tells its owner, and the session beside it. Times are microseconds since the Unix epoch, of the hub's clock.
import type { Conflated, GapSpan, HistoryPart, SeriesInfo as WireSeries } from '../gen/telemetry/v1/live_pb';
import type { Micros, PresenceWord, SeriesType, Value } from './objects';

export interface SeriesInfo {
  id: number; // the hub's; what the other happenings name
  device: string;
  name: string;
  unit: string;
  type: SeriesType;
  intervalMs: number; // declared; 0: none
  revision: number;
}

/** `idle`: nothing was told on this connection yet. Readings come live in `live`, `conflated` and `latest_only`. */
export type Phase = 'idle' | 'history' | 'catch_up' | 'live' | 'conflated' | 'latest_only' | 'restarted' | 'paused';
export type Source = 'history' | 'catch_up' | 'live';

/** Bucket i of a history covers [from + floor(i·(to−from)/width), from + floor((i+1)·(to−from)/width)). */
export interface HistoryBucket {
  index: number;
  count: number;
  /** Booleans as 0 and 1. Null: strings and locations have none. */
  minimum: number | null;
  maximum: number | null;
  sum: number | null;
  first: Value;
  last: Value;
}

export type Happening =
  /** The series that the subscription holds, all of them, or those that joined. */
  | { kind: 'series'; series: SeriesInfo[]; added: boolean }
  /** Forget the readings that you have: all come, of this range (`toUs` is about now where the subscription is live).
   *  `restarted`: because what was missed while away is no longer held. */
  | { kind: 'begin'; fromUs: Micros; toUs: Micros; width: number; restarted: boolean }
  /** Readings, each once, in parallel columns. `late`: some are older than the newest: insert, do not append. */
  | { kind: 'readings'; series: SeriesInfo; source: Source; late: boolean; timesUs: Micros[]; values: Value[] }
  | { kind: 'buckets'; series: SeriesInfo; fromUs: Micros; toUs: Micros; width: number; buckets: HistoryBucket[] }
  /** Stands for `count` readings from `timeUs` to `lastTimeUs`. Of strings and locations only the times and the count say
   *  something: their values come as readings. */
  | ({ kind: 'conflated'; series: SeriesInfo; source: Source; late: boolean } & ConflatedValues)
  /** All history of this series has come. */
  | { kind: 'history_done'; series: SeriesInfo }
  /** Readings that were made and are not here. `series` null: of all series of the device. Told once. */
  | { kind: 'gap'; series: SeriesInfo | null; gap: GapInfo }
  | { kind: 'freshness'; series: SeriesInfo; stale: boolean; sinceUs: Micros }
  /** `tierHz`: how often readings come at most; 0: each as it is stored. */
  | { kind: 'phase'; phase: Phase; tierHz: number }
  /** `refused`: the newest request; what was subscribed before stays. */
  | { kind: 'error'; code: string; message: string; refused: boolean };

export interface ConflatedValues {
  timeUs: Micros;
  lastTimeUs: Micros;
  minimum: number;
  maximum: number;
  first: number;
  last: number;
  sum: number;
  count: number;
}

export interface GapInfo {
  device: string;
  fromUs: Micros;
  toUs: Micros;
  count: number;
  atMost: boolean;
  reason: string;
}

export interface PresenceChange {
  device: string;
  name: string;
  presence: PresenceWord;
  lastSeenUs: Micros;
  removed: boolean;
}

/** What happened and is kept by the hub. `body`: the object as REST returns it. */
export interface HubEvent {
  id: number;
  timeUs: Micros;
  device: string;
  kind: string; // alert, execution, twin, device, series
  object: string;
  body: unknown;
}

// As in readings.proto and live.proto.
export const typeWords: Record<number, SeriesType> = { 1: 'number', 2: 'boolean', 3: 'string', 4: 'location' };
export const reasonWords = [
  'unknown',
  'spool_full',
  'spool_damaged',
  'refused',
  'not_finite',
  'missing_before',
  'clock_unusable',
  'quota',
  'restore',
  'invalid_value',
  'sensor_failed',
  'file_missing',
];
export const presenceWords: PresenceWord[] = ['unknown', 'online', 'asleep', 'offline'];
export const phaseWords: Phase[] = ['idle', 'history', 'catch_up', 'live', 'conflated', 'latest_only', 'restarted', 'paused'];

export const phaseOf = (phase: number): Phase => phaseWords[phase] ?? 'idle';
export const presenceOf = (presence: number): PresenceWord => presenceWords[presence] ?? 'unknown';

export function seriesOf(info: WireSeries): SeriesInfo {
  return {
    id: info.series,
    device: info.deviceId,
    name: info.name,
    unit: info.unit,
    type: typeWords[info.type] ?? 'number',
    intervalMs: info.intervalMs,
    revision: info.revision,
  };
}

export function gapOf(span: GapSpan): GapInfo {
  return {
    device: span.deviceId,
    fromUs: span.fromUs,
    toUs: span.toUs,
    count: span.count,
    atMost: span.atMost,
    reason: reasonWords[span.reason] ?? 'unknown',
  };
}

interface Columns {
  timeUs: number;
  timeDeltaUs: number[];
  numbers: number[];
  booleans: boolean[];
  strings: string[];
  coordinates: number[];
}

/** The values of a part or an update, by its series' type. */
function valuesOf(columns: Columns, type: SeriesType): Value[] {
  if (type === 'number') return columns.numbers;
  if (type === 'boolean') return columns.booleans;
  if (type === 'string') return columns.strings;
  return triples(columns.coordinates);
}

function triples(flat: number[]): Value[] {
  const out: Value[] = [];
  for (let i = 0; i + 2 < flat.length; i += 3) out.push([flat[i], flat[i + 1], flat[i + 2]]);
  return out;
}

export function readingsOf(columns: Columns, type: SeriesType): { timesUs: number[]; values: Value[] } {
  const values = valuesOf(columns, type);
  const timesUs: number[] = [];
  let time = columns.timeUs;
  for (let i = 0; i < values.length; ++i) {
    if (i > 0) time += columns.timeDeltaUs[i - 1] ?? 0;
    timesUs.push(time);
  }
  return { timesUs, values };
}

export function bucketsOf(part: HistoryPart, type: SeriesType): HistoryBucket[] {
  const pairs = type === 'number' ? [] : valuesOf(part, type);
  return part.bucket.map((index, i) => ({
    index,
    count: part.count[i] ?? 1,
    minimum: part.minimum[i] ?? null,
    maximum: part.maximum[i] ?? null,
    sum: part.sum[i] ?? null,
    first: type === 'number' ? part.first[i] : pairs[2 * i],
    last: type === 'number' ? part.last[i] : pairs[2 * i + 1],
  }));
}

export function conflatedOf(timeUs: number, from: Conflated): ConflatedValues {
  const { minimum, maximum, first, last, sum, count, lastTimeUs } = from;
  return { timeUs: timeUs > 0 ? timeUs : lastTimeUs, lastTimeUs, minimum, maximum, first, last, sum, count };
}
