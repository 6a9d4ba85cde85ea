// One subscription's series: what is known of each, and how messages change it.
import type { LiveMessage, HistoryPart, SeriesInfo, SeriesUpdate } from '../gen/telemetry/v1/live_pb';
import type { Gap, Micros, SeriesType, Value } from '../wire/objects';
import type { Hole } from './chart_columns';
import { SeriesBuffer, type Grid } from './series_buffer';

// As in readings.proto and live.proto; the generated enums would pull their descriptors into every unit test.
const typeWords: Record<number, SeriesType> = { 1: 'number', 2: 'boolean', 3: 'string', 4: 'location' };
const phaseRestarted = 6;
const phasePaused = 7; // of a fixed range: all of it is here
const stitchingPhases = [1, 2, phaseRestarted]; // history, catch-up
const livePhases = [3, 4, 5]; // live, conflated, latest only
const reasonWords = [
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

const changesAtMost = 50; // of a string series
const gapsAtMost = 2_000; // a subscription; past it the oldest go

/** Live with a sliding window, or a fixed range. */
export type StreamRange = { kind: 'live'; spanUs: number } | { kind: 'fixed'; fromUs: number; toUs: number };

export interface StreamQuery {
  devices: string[];
  series: string[];
  range: StreamRange;
  width: number;
  maximumRateHz: number;
}

export interface StreamSeries {
  info: { id: number; device: string; name: string; unit: string; type: SeriesType; intervalMs: number };
  buffer: SeriesBuffer;
  latest: { time: Micros; value: Value } | null;
  /** The newest values of a string series, oldest first. */
  changes: { time: Micros; value: string }[];
  stale: boolean;
  /** Grows with every change of any of the above. */
  revision: number;
}

interface Sent {
  grid: Grid;
  live: boolean;
}

/**
 * Merges history parts and live updates of one subscription, in commit order and without doubles. A changed range keeps
 * the old picture until the hub answers (Subscribed, or the first part of the new range), then starts anew: whatever still
 * arrives for an older range is recognised by its `from` and left out. Live windows slide: each buffer drops what left
 * its window, so memory follows pixels.
 */
export class SeriesStream {
  private readonly series_ = new Map<number, StreamSeries>();
  private gaps_ = new Map<string, Hole & { series: number; device: string }>();
  private sent: Sent | null = null;
  private isResuming = false;
  private unanswered = 0; // Subscribes sent and not yet answered
  private isLive = false; // from here on updates that name no subscription are for us as well
  private isComplete_ = false; // all history has arrived
  private hasAnswered_ = false;
  private error_: string | null = null;
  /** Grows when the set of series, the phase or the error changes. */
  revision = 0;

  constructor(
    private query_: StreamQuery,
    private readonly nowUs: () => number,
  ) {}

  get query(): StreamQuery {
    return this.query_;
  }
  /** True once the hub has said which series there are. */
  get hasAnswered(): boolean {
    return this.hasAnswered_;
  }
  /** A lost link may be resumed from the session's position. */
  isSettled(): boolean {
    return this.isLive;
  }
  /** What is not in the buffers is not there. */
  get isComplete(): boolean {
    return this.isComplete_;
  }
  get error(): string | null {
    return this.error_;
  }
  list(): StreamSeries[] {
    return [...this.series_.values()];
  }
  get(id: number): StreamSeries | undefined {
    return this.series_.get(id);
  }
  /** The window to draw now. */
  window(): { fromUs: number; toUs: number } {
    const range = this.query_.range;
    if (range.kind === 'fixed') return { fromUs: range.fromUs, toUs: range.toUs };
    const now = this.nowUs();
    return { fromUs: now - range.spanUs, toUs: now };
  }
  gapsOf(series: StreamSeries): Hole[] {
    return [...this.gaps_.values()]
      .filter((gap) => gap.series === series.info.id || (gap.series === 0 && gap.device === series.info.device))
      .sort((a, b) => a.fromUs - b.fromUs);
  }

  /** A new query; the caller then makes the link ask for it. */
  change(query: StreamQuery): void {
    this.query_ = query;
    this.isLive = this.isComplete_ = false;
    ++this.revision;
  }

  /** What to send; from here on the answer to this is awaited. */
  request(resuming: boolean) {
    const window = this.window();
    const live = this.query_.range.kind === 'live';
    const withHistory = !live || (this.query_.range as { spanUs: number }).spanUs > 0;
    if (!resuming) this.isLive = this.isComplete_ = false;
    this.isResuming = resuming;
    const fromUs = Math.floor(window.fromUs);
    const grid = {
      fromUs,
      toUs: Math.max(fromUs + 1, Math.floor(window.toUs)),
      width: Math.max(1, Math.floor(this.query_.width)),
    };
    this.sent = { grid, live };
    this.unanswered = resuming ? 0 : this.unanswered + 1;
    this.error_ = null;
    return {
      devices: this.query_.devices,
      series: this.query_.series,
      fromUs: withHistory ? grid.fromUs : 0,
      toUs: live ? 0 : grid.toUs,
      width: grid.width,
      maximumRateHz: this.query_.maximumRateHz,
    };
  }
  /** The connection is gone: what was asked on it will not be answered. */
  disconnected(): void {
    this.unanswered = 0;
  }

  /** `id`: this stream's subscription. */
  receive(message: LiveMessage, id: number): void {
    for (const subscribed of message.subscribed) {
      if (subscribed.id !== id) continue;
      if (!subscribed.added && !this.answered(subscribed.series)) continue;
      for (const info of subscribed.series) this.know(info);
      ++this.revision;
    }
    for (const phase of message.phases) {
      if (phase.subscription !== id) continue;
      if (phase.phase === phaseRestarted) this.restart();
      if (stitchingPhases.includes(phase.phase)) this.isLive = false;
    }
    for (const part of message.history) {
      if (part.subscription === id) this.history(part);
    }
    for (const phase of message.phases) {
      if (phase.subscription !== id) continue;
      ++this.revision;
      if (this.unanswered > 0) continue; // said of the range before
      if (livePhases.includes(phase.phase)) this.isLive = this.isComplete_ = true;
      if (phase.phase === phasePaused && !this.sent?.live) this.isComplete_ = true;
    }
    for (const gap of message.gaps) {
      this.addGap(gap.series, gap.deviceId, {
        fromUs: gap.fromUs,
        toUs: gap.toUs,
        count: gap.count,
        atMost: gap.atMost,
        reason: reasonWords[gap.reason] ?? 'unknown',
      });
    }
    for (const update of message.updates) this.update(update, id);
    for (const freshness of message.freshness) {
      const series = this.series_.get(freshness.series);
      if (series) {
        series.stale = freshness.stale;
        ++series.revision;
      }
    }
    if (message.error && message.error.subscription === id) {
      this.error_ = message.error.message || message.error.code;
      ++this.revision;
    }
  }

  /** What REST says beside the stream: values older than the window, for instance. */
  setLatest(name: string, device: string, latest: { time: Micros; value: Value }): void {
    for (const series of this.series_.values()) {
      if (series.info.name === name && series.info.device === device) this.newest(series, latest.time, latest.value);
    }
  }
  addGaps(gaps: readonly Gap[]): void {
    for (const gap of gaps) {
      let id = 0;
      if (gap.series !== null) {
        const found = this.list().find((one) => one.info.name === gap.series && one.info.device === gap.device);
        if (!found) continue;
        id = found.info.id;
      }
      this.addGap(id, gap.device, {
        fromUs: gap.from,
        toUs: gap.to,
        count: gap.count,
        atMost: gap.at_most,
        reason: gap.reason,
      });
    }
  }

  /** False: the answer to a request that a newer one has replaced. It may be empty (the hub gave that request up) and
   *  says nothing of what the newest one will show. */
  private answered(series: SeriesInfo[]): boolean {
    this.unanswered = Math.max(0, this.unanswered - 1);
    if (this.unanswered > 0) return false;
    const isFirst = !this.hasAnswered_;
    this.hasAnswered_ = true;
    // A resumed subscription goes on in its old grid with what it has: nothing is sent again.
    if (this.isResuming && !isFirst) return true;
    // A long list comes in parts; those after the first are `added`.
    const stays = new Set(series.map((info) => info.series));
    for (const id of this.series_.keys()) if (!stays.has(id)) this.series_.delete(id);
    this.restart();
    return true;
  }

  private restart(): void {
    if (!this.sent) return;
    for (const series of this.series_.values()) {
      series.buffer.reset(this.sent.grid);
      series.changes = [];
      ++series.revision;
    }
    this.isLive = this.isComplete_ = this.isResuming = false;
  }

  private know(info: SeriesInfo): void {
    const known = this.series_.get(info.series);
    const said = {
      id: info.series,
      device: info.deviceId,
      name: info.name,
      unit: info.unit,
      type: typeWords[info.type] ?? 'number',
      intervalMs: info.intervalMs,
    };
    if (known) {
      known.info = said;
      ++known.revision;
      return;
    }
    const grid = this.sent?.grid ?? { fromUs: 0, toUs: 1, width: 1 };
    this.series_.set(info.series, {
      info: said,
      buffer: new SeriesBuffer(grid),
      latest: null,
      changes: [],
      stale: false,
      revision: 0,
    });
  }

  private history(part: HistoryPart): void {
    const sent = this.sent;
    const series = this.series_.get(part.series);
    if (!sent || !series || part.fromUs !== sent.grid.fromUs) return;
    if (this.unanswered > 0) {
      // A hub that re-parameterises without saying Subscribed again: its first part is the answer.
      this.unanswered = 0;
      this.restart();
    }
    if (part.width > 0) this.buckets(series, part);
    else this.readings(series, part.timeUs, part);
    ++series.revision;
  }

  private buckets(series: StreamSeries, part: HistoryPart): void {
    const grid = { fromUs: part.fromUs, toUs: part.toUs, width: part.width };
    const is = series.buffer.grid;
    if (is.fromUs !== grid.fromUs || is.toUs !== grid.toUs || is.width !== grid.width) {
      // The hub chose the end (its own now) or fewer pixels: its grid is the one to continue.
      series.buffer.reset(grid);
    }
    const isBoolean = series.info.type === 'boolean';
    for (let i = 0; i < part.bucket.length; ++i) {
      const slot = part.bucket[i];
      const count = part.count[i] ?? 1;
      if (series.info.type === 'string') {
        if (part.strings.length >= 2 * (i + 1)) this.changed(series, slotTime(grid, slot), part.strings[2 * i + 1]);
        continue;
      }
      let first = part.first[i];
      let last = part.last[i];
      if (isBoolean && first === undefined && part.booleans.length >= 2 * (i + 1)) {
        first = part.booleans[2 * i] ? 1 : 0;
        last = part.booleans[2 * i + 1] ? 1 : 0;
      }
      if (first === undefined || last === undefined) continue;
      const minimum = part.minimum[i] ?? Math.min(first, last);
      const maximum = part.maximum[i] ?? Math.max(first, last);
      series.buffer.setSlot(slot, { first, last, minimum, maximum, count, sum: part.sum[i] ?? last * count });
      this.newest(series, slotTime(grid, slot), isBoolean ? last !== 0 : last);
    }
  }

  private readings(
    series: StreamSeries,
    startUs: number,
    from: { timeDeltaUs: number[]; numbers: number[]; booleans: boolean[]; strings: string[]; coordinates: number[] },
    intoBuffer = true,
  ): void {
    const type = series.info.type;
    const size =
      type === 'number'
        ? from.numbers.length
        : type === 'boolean'
          ? from.booleans.length
          : type === 'string'
            ? from.strings.length
            : Math.floor(from.coordinates.length / 3);
    let time = startUs;
    for (let i = 0; i < size; ++i) {
      if (i > 0) time += from.timeDeltaUs[i - 1] ?? 0;
      if (type === 'number') {
        if (intoBuffer) series.buffer.addReading(time, from.numbers[i]);
        this.newest(series, time, from.numbers[i]);
      } else if (type === 'boolean') {
        if (intoBuffer) series.buffer.addReading(time, from.booleans[i] ? 1 : 0);
        this.newest(series, time, from.booleans[i]);
      } else if (type === 'string') {
        this.changed(series, time, from.strings[i]);
      } else {
        const at = 3 * i;
        this.newest(series, time, [from.coordinates[at], from.coordinates[at + 1], from.coordinates[at + 2]]);
      }
    }
  }

  private update(update: SeriesUpdate, id: number): void {
    const series = this.series_.get(update.series);
    if (!series || !this.sent) return;
    if (update.subscription !== 0 && update.subscription !== id) return; // another's catch-up
    // Until this subscription is live, only its own catch-up is new to it: the rest comes with its history.
    const isOurs = update.subscription === id || this.isLive;
    const intoBuffer = isOurs && this.unanswered === 0 && this.sent.live;
    const conflated = update.conflated;
    if (conflated) {
      if (intoBuffer && conflated.count > 0) {
        series.buffer.add({
          timeUs: update.timeUs > 0 ? update.timeUs : conflated.lastTimeUs,
          lastTimeUs: conflated.lastTimeUs,
          minimum: conflated.minimum,
          maximum: conflated.maximum,
          first: conflated.first,
          last: conflated.last,
          sum: conflated.sum,
          count: conflated.count,
        });
      }
      this.newest(series, conflated.lastTimeUs, series.info.type === 'boolean' ? conflated.last !== 0 : conflated.last);
    } else {
      this.readings(series, update.timeUs, update, intoBuffer);
    }
    if (intoBuffer) series.buffer.trim(this.window().fromUs - 0.1 * (this.sent.grid.toUs - this.sent.grid.fromUs));
    series.stale = false;
    ++series.revision;
  }

  private newest(series: StreamSeries, time: Micros, value: Value): void {
    if (series.latest && series.latest.time > time) return;
    series.latest = { time, value };
    ++series.revision;
  }

  private changed(series: StreamSeries, time: Micros, value: string): void {
    this.newest(series, time, value);
    const changes = series.changes;
    const before = changes[changes.length - 1];
    if (before && (before.value === value || before.time > time)) return;
    changes.push({ time, value });
    if (changes.length > changesAtMost) changes.shift();
  }

  private addGap(series: number, device: string, gap: Omit<Hole, 'kind'>): void {
    if (!(gap.fromUs > 0)) return; // unknown when: nothing to draw
    this.gaps_.set(`${series}/${device}/${gap.fromUs}/${gap.toUs}/${gap.reason}`, {
      ...gap,
      kind: 'gap',
      series,
      device,
    });
    if (this.gaps_.size > gapsAtMost) {
      const oldest = [...this.gaps_.entries()].sort((a, b) => a[1].toUs - b[1].toUs)[0][0];
      this.gaps_.delete(oldest);
    }
    ++this.revision;
    for (const one of this.series_.values()) ++one.revision;
  }
}

function slotTime(grid: Grid, slot: number): number {
  return grid.fromUs + Math.floor((slot * (grid.toUs - grid.fromUs)) / grid.width);
}
