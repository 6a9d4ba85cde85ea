// From a buffer to what a chart draws: seconds, a line, a band, and nulls where the line must break.
import { lowerBound, type SeriesBuffer } from './series_buffer';

export interface Span {
  fromUs: number;
  toUs: number;
}

export interface ChartColumns {
  time: number[]; // seconds
  line: (number | null)[]; // mean of the slot; booleans: the last value
  low: (number | null)[];
  high: (number | null)[];
  /** The buffer's index of each drawn point, -1 for a break. */
  source: number[];
}

export interface Hole extends Span {
  kind: 'gap' | 'silence';
  reason: string;
  count: number;
  atMost: boolean;
}

/** Longer than this between two points and the line breaks: three missed samples, but never less than two and a half slots. */
export function breakAfterUs(buffer: SeriesBuffer, intervalMs: number): number {
  const grid = buffer.grid;
  const slot = grid.width > 0 ? (grid.toUs - grid.fromUs) / grid.width : 0;
  return intervalMs > 0 ? Math.max(3 * intervalMs * 1000, 2.5 * slot) : Infinity;
}

export function chartColumns(
  buffer: SeriesBuffer,
  window: Span,
  breakAfter: number,
  gaps: readonly Span[],
  isBoolean: boolean,
): ChartColumns {
  const times = buffer.column('timeUs');
  const size = buffer.length;
  // One point past each edge, so that lines reach the border.
  const first = Math.max(0, lowerBound(times, size, window.fromUs) - 1);
  const end = Math.min(size, lowerBound(times, size, window.toUs) + 1);
  const lasts = buffer.column('last');
  const sums = buffer.column('sum');
  const counts = buffer.column('count');
  const lows = buffer.column('minimum');
  const highs = buffer.column('maximum');
  const result: ChartColumns = { time: [], line: [], low: [], high: [], source: [] };
  let gap = 0;
  for (let i = first; i < end; ++i) {
    if (i > first) {
      const before = times[i - 1];
      const after = times[i];
      while (gap < gaps.length && gaps[gap].toUs < before) ++gap;
      const crossesGap = gap < gaps.length && gaps[gap].fromUs <= after && gaps[gap].toUs > before;
      if (after - before > breakAfter || crossesGap) {
        result.time.push((before + after) / 2e6);
        result.line.push(null);
        result.low.push(null);
        result.high.push(null);
        result.source.push(-1);
      }
    }
    result.time.push(times[i] / 1e6);
    result.line.push(isBoolean ? lasts[i] : sums[i] / counts[i]);
    result.low.push(lows[i]);
    result.high.push(highs[i]);
    result.source.push(i);
  }
  return result;
}

/** Stretches without any reading, so that nothing is mistaken for "no change". The one still open at the end counts too. */
export function silences(buffer: SeriesBuffer, window: Span, breakAfter: number): Span[] {
  if (!Number.isFinite(breakAfter)) return [];
  const times = buffer.column('timeUs');
  const ends = buffer.column('lastTimeUs');
  const size = buffer.length;
  const found: Span[] = [];
  let covered = window.fromUs;
  for (let i = Math.max(0, lowerBound(times, size, window.fromUs) - 1); i < size && times[i] <= window.toUs; ++i) {
    if (times[i] - covered > breakAfter) found.push({ fromUs: covered, toUs: times[i] });
    covered = Math.max(covered, ends[i]);
  }
  if (window.toUs - covered > breakAfter) found.push({ fromUs: covered, toUs: window.toUs });
  return found;
}
