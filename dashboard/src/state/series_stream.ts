// One subscription's series: what is known of each, and how what is told changes it.
import type { ConflatedValues, GapInfo, Happening, HistoryBucket, Phase, SeriesInfo } from '../wire/happenings';
import type { Gap, Micros, Value } from '../wire/objects';
import type { SubscribeOptions } from '../wire/subscribe_options';
import type { Hole } from './chart_columns';
import { SeriesBuffer, slotStart, type Grid } from './series_buffer';

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
  info: SeriesInfo;
  buffer: SeriesBuffer;
  latest: { time: Micros; value: Value } | null;
  /** The newest values of a string series, oldest first. */
  changes: { time: Micros; value: string }[];
  stale: boolean;
  /** Grows with every change of any of the above. */
  revision: number;
}

/** How readings come: each, conflated because this viewer is too slow, or not before it has taken what it was sent. */
export type Pace = 'full' | 'conflated' | 'latest_only';

/**
 * Merges history and live updates of one subscription into what charts need. A changed range keeps the old picture until
 * the hub begins the new one. Live windows slide: each buffer drops what left its window, so memory follows pixels.
 */
export class SeriesStream {
  private readonly series_ = new Map<number, StreamSeries>();
  private readonly listed = new Set<number>(); // by the newest answer
  private gaps_ = new Map<string, Hole & { series: number; device: string }>();
  private grid: Grid = { fromUs: 0, toUs: 1, width: 1 };
  private isComplete_ = false; // all history has arrived
  private hasAnswered_ = false;
  private pace_: Pace = 'full';
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
  /** What is not in the buffers is not there. */
  get isComplete(): boolean {
    return this.isComplete_;
  }
  get pace(): Pace {
    return this.pace_;
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

  /** A new query; the caller then makes the link ask for `options()`. */
  change(query: StreamQuery): void {
    this.query_ = query;
    this.isComplete_ = false;
    this.error_ = null;
    ++this.revision;
  }

  /** What the link is to ask for. */
  options(): SubscribeOptions {
    const { devices, series, range, width, maximumRateHz } = this.query_;
    const isLive = range.kind === 'live';
    return {
      devices,
      series,
      fromUs: isLive ? undefined : Math.floor(range.fromUs),
      agoUs: isLive && range.spanUs > 0 ? range.spanUs : undefined,
      toUs: isLive ? undefined : Math.max(Math.floor(range.fromUs) + 1, Math.floor(range.toUs)),
      width: Math.max(1, Math.floor(width)),
      rateHz: maximumRateHz,
    };
  }

  receive(happening: Happening): void {
    switch (happening.kind) {
      case 'series':
        this.know(happening.series, happening.added);
        break;
      case 'begin':
        this.begin({ fromUs: happening.fromUs, toUs: happening.toUs, width: Math.max(1, happening.width) });
        break;
      case 'phase':
        this.enter(happening.phase);
        break;
      case 'buckets':
        this.with(happening.series, (series) => this.buckets(series, happening, happening.buckets));
        break;
      case 'readings':
        this.with(happening.series, (series) => {
          this.readings(series, happening.timesUs, happening.values);
          if (happening.source !== 'history') series.stale = false;
        });
        break;
      case 'conflated':
        this.with(happening.series, (series) => this.conflated(series, happening));
        break;
      case 'gap':
        this.addGap(happening.series?.id ?? 0, happening.gap);
        break;
      case 'freshness':
        this.with(happening.series, (series) => {
          series.stale = happening.stale;
        });
        break;
      case 'error':
        this.error_ = happening.message || happening.code;
        ++this.revision;
        break;
      case 'history_done':
        break;
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
      this.addGap(id, {
        device: gap.device,
        fromUs: gap.from,
        toUs: gap.to,
        count: gap.count,
        atMost: gap.at_most,
        reason: gap.reason,
      });
    }
  }

  private know(infos: readonly SeriesInfo[], added: boolean): void {
    if (!added) {
      this.listed.clear();
      this.hasAnswered_ = true;
    }
    for (const info of infos) {
      this.listed.add(info.id);
      const known = this.series_.get(info.id);
      if (known) {
        known.info = info;
        ++known.revision;
      } else {
        const buffer = new SeriesBuffer(this.grid);
        this.series_.set(info.id, { info, buffer, latest: null, changes: [], stale: false, revision: 0 });
      }
    }
    ++this.revision;
  }

  /** A long list comes in parts, all of them before the next phase. */
  private prune(): void {
    for (const id of this.series_.keys()) if (!this.listed.has(id)) this.series_.delete(id);
  }

  private begin(grid: Grid): void {
    this.grid = grid;
    this.prune();
    for (const series of this.series_.values()) {
      series.buffer.reset(grid);
      series.changes = [];
      ++series.revision;
    }
    this.isComplete_ = false;
    this.error_ = null;
    ++this.revision;
  }

  private enter(phase: Phase): void {
    const isLive = phase === 'live' || phase === 'conflated' || phase === 'latest_only';
    if (phase === 'conflated' || phase === 'latest_only') this.pace_ = phase;
    // It lags until all that it missed has come.
    else if (phase !== 'catch_up' || this.pace_ !== 'latest_only') this.pace_ = 'full';
    if (phase !== 'idle') this.prune();
    if (isLive || (phase === 'paused' && this.query_.range.kind === 'fixed')) this.isComplete_ = true;
    ++this.revision;
  }

  private with(info: SeriesInfo, change: (series: StreamSeries) => void): void {
    const series = this.series_.get(info.id);
    if (!series) return;
    change(series);
    ++series.revision;
  }

  private buckets(series: StreamSeries, grid: Grid, buckets: readonly HistoryBucket[]): void {
    const is = series.buffer.grid;
    if (is.fromUs !== grid.fromUs || is.toUs !== grid.toUs || is.width !== grid.width) {
      // The hub chose the end (its own now) or fewer pixels: its grid is the one to continue.
      const { fromUs, toUs, width } = grid;
      series.buffer.reset({ fromUs, toUs, width });
    }
    for (const bucket of buckets) {
      const time = slotStart(grid, bucket.index);
      if (typeof bucket.last === 'string') {
        this.changed(series, time, bucket.last);
        continue;
      }
      this.newest(series, time, bucket.last);
      const first = scalar(bucket.first);
      const last = scalar(bucket.last);
      if (first === null || last === null) continue;
      const { count, sum } = bucket;
      const minimum = bucket.minimum ?? Math.min(first, last);
      const maximum = bucket.maximum ?? Math.max(first, last);
      series.buffer.setSlot(bucket.index, { first, last, minimum, maximum, count, sum: sum ?? last * count });
    }
  }

  private readings(series: StreamSeries, timesUs: readonly Micros[], values: readonly Value[]): void {
    values.forEach((value, i) => {
      if (typeof value === 'string') {
        this.changed(series, timesUs[i], value);
        return;
      }
      const number = scalar(value);
      if (number !== null) series.buffer.addReading(timesUs[i], number);
      this.newest(series, timesUs[i], value);
    });
    this.trim(series);
  }

  private conflated(series: StreamSeries, values: ConflatedValues): void {
    series.stale = false;
    const { type } = series.info;
    if (type !== 'number' && type !== 'boolean') return; // its values come as readings
    series.buffer.add(values);
    this.newest(series, values.lastTimeUs, type === 'boolean' ? values.last !== 0 : values.last);
    this.trim(series);
  }

  private trim(series: StreamSeries): void {
    if (this.query_.range.kind !== 'live') return;
    series.buffer.trim(this.window().fromUs - 0.1 * (this.grid.toUs - this.grid.fromUs));
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

  private addGap(series: number, told: GapInfo): void {
    const { device, ...gap } = told;
    if (!(gap.fromUs > 0)) return; // unknown when: nothing to draw
    const key = `${series}/${device}/${gap.fromUs}/${gap.toUs}/${gap.reason}`;
    this.gaps_.set(key, { ...gap, kind: 'gap', series, device });
    if (this.gaps_.size > gapsAtMost) {
      const oldest = [...this.gaps_.entries()].sort((a, b) => a[1].toUs - b[1].toUs)[0][0];
      this.gaps_.delete(oldest);
    }
    ++this.revision;
    for (const one of this.series_.values()) ++one.revision;
  }
}

function scalar(value: Value): number | null {
  return typeof value === 'number' ? value : typeof value === 'boolean' ? Number(value) : null;
}
