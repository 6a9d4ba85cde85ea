// Messages of the live link as server-sent events tell them (docs/live.md, Batches), made into those of the WebSocket.
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { LiveMessageSchema } from '../gen/telemetry/v1/live_pb';
import { phaseWords, presenceWords, reasonWords, typeWords } from './happenings';
import type { Location, PresenceWord, SeriesType, Value } from './objects';

export type Message = MessageInitShape<typeof LiveMessageSchema>;
type Said = Record<string, any>;

/** One message of subscription `id`. `types` of its series is learnt from `subscribed`. Nothing: of a newer hub. */
export function messageOf(id: number, said: Said, types: Map<number, SeriesType>): Message | null {
  switch (said.type) {
    case 'hub':
      return { hub: { version: said.version, serverTimeUs: said.time, heartbeatMs: said.heartbeat_ms } };
    case 'subscribed':
      return { subscribed: [{ id, added: said.added === true, series: said.series.map((one: Said) => info(one, types)) }] };
    case 'phase':
      return { phases: [{ subscription: id, phase: Math.max(0, phaseWords.indexOf(said.phase)), tierHz: said.tier_hz }] };
    case 'history':
      return { history: [history(id, said, types.get(said.series) ?? 'number')] };
    case 'update':
      return { updates: [update(id, said)] };
    case 'presence': {
      const { device, name, presence, last_seen: lastSeenUs, removed = false } = said;
      const word = Math.max(0, presenceWords.indexOf(presence as PresenceWord));
      return { presence: [{ deviceId: device, deviceName: name, presence: word, lastSeenUs, removed }] };
    }
    case 'event': {
      const { id: eventId, time: timeUs, device: deviceId, kind, object: objectId, body } = said;
      return { events: [{ id: eventId, timeUs, deviceId, kind, objectId, bodyJson: JSON.stringify(body) }] };
    }
    case 'gap': {
      const { device: deviceId, from: fromUs, to: toUs, count, at_most: atMost } = said;
      const reason = Math.max(0, reasonWords.indexOf(said.reason));
      return { gaps: [{ series: said.series ?? 0, deviceId, fromUs, toUs, count, atMost, reason }] };
    }
    case 'freshness':
      return { freshness: [{ series: said.series, stale: said.stale, sinceUs: said.since }] };
    case 'error':
      return { error: { subscription: id, code: said.code, message: said.message } };
    default:
      return null;
  }
}

function info(said: Said, types: Map<number, SeriesType>) {
  const { series, device: deviceId, name, unit, interval_ms: intervalMs, revision } = said;
  types.set(series, said.type as SeriesType);
  const type = Number(Object.keys(typeWords).find((key) => typeWords[Number(key)] === said.type) ?? 1);
  return { series, deviceId, name, unit, type, intervalMs, revision };
}

function update(id: number, said: Said) {
  const conflated = said.conflated as Said | undefined;
  return {
    series: said.series,
    subscription: id,
    late: said.late === true,
    ...readings(said.readings ?? []),
    ...(conflated && {
      timeUs: conflated.from,
      conflated: {
        minimum: number(conflated.min),
        maximum: number(conflated.max),
        first: number(conflated.first),
        last: number(conflated.last),
        sum: number(conflated.sum),
        count: conflated.count,
        lastTimeUs: conflated.to,
      },
    }),
  };
}

function history(id: number, said: Said, type: SeriesType) {
  const { series, from: fromUs, to: toUs, width = 0, done } = said;
  const head = { subscription: id, series, fromUs, toUs, width, done };
  if (width === 0) return { ...head, ...readings(said.readings) };
  const rows = said.buckets as [number, number, number, Value, Value, number, number][];
  const edges = rows.flatMap((row) => [row[3], row[4]]);
  const hasNumbers = type === 'number' || type === 'boolean';
  return {
    ...head,
    bucket: rows.map((row) => bucketAt(fromUs, toUs, width, row[0])),
    count: rows.map((row) => row[5]),
    minimum: hasNumbers ? rows.map((row) => number(row[1])) : [],
    maximum: hasNumbers ? rows.map((row) => number(row[2])) : [],
    sum: hasNumbers ? rows.map((row) => number(row[6])) : [],
    first: type === 'number' ? rows.map((row) => number(row[3])) : [],
    last: type === 'number' ? rows.map((row) => number(row[4])) : [],
    booleans: type === 'boolean' ? edges.map((edge) => Number(edge) !== 0) : [],
    strings: type === 'string' ? (edges as string[]) : [],
    coordinates: type === 'location' ? (edges as Location[]).flat() : [],
  };
}

/** Columns; which of them follows from the values. */
function readings(rows: [number, Value][]) {
  const values = rows.map((row) => row[1]);
  const first = values[0];
  return {
    timeUs: rows[0]?.[0] ?? 0,
    timeDeltaUs: rows.slice(1).map((row, i) => row[0] - rows[i][0]),
    numbers: typeof first === 'number' || first === null ? values.map(number) : [],
    booleans: typeof first === 'boolean' ? (values as boolean[]) : [],
    strings: typeof first === 'string' ? (values as string[]) : [],
    coordinates: Array.isArray(first) ? (values as Location[]).flat() : [],
  };
}

/** JSON has no infinite numbers: a sum that overflowed is null. */
function number(value: unknown): number {
  return typeof value === 'number' ? value : Infinity;
}

/** The bucket that begins at `timeUs`: the inverse of from + floor(i·(to−from)/width). */
function bucketAt(fromUs: number, toUs: number, width: number, timeUs: number): number {
  const span = toUs - fromUs;
  let index = Math.floor(((timeUs - fromUs) * width) / span);
  while (Math.floor((index * span) / width) < timeUs - fromUs) ++index;
  return index;
}
