import type { SeriesBuffer } from '../state/series_buffer';
import type { Span } from '../state/chart_columns';

const width = 96;
const height = 22;

/** The shape of the last minutes, minimum to maximum; decoration beside the value, hidden from screen readers. */
export function Sparkline({ buffer, window, breakAfter }: { buffer: SeriesBuffer; window: Span; breakAfter: number }) {
  const times = buffer.column('timeUs');
  const lows = buffer.column('minimum');
  const highs = buffer.column('maximum');
  const lasts = buffer.column('last');
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < buffer.length; ++i) {
    if (times[i] < window.fromUs) continue;
    low = Math.min(low, lows[i]);
    high = Math.max(high, highs[i]);
  }
  if (!(high >= low)) return <svg class="sparkline" viewBox={`0 0 ${width} ${height}`} aria-hidden="true" />;
  const x = (time: number) => ((time - window.fromUs) / (window.toUs - window.fromUs)) * width;
  const y = (value: number) => (high === low ? height / 2 : height - 2 - ((value - low) / (high - low)) * (height - 4));
  let path = '';
  let before = -Infinity;
  for (let i = 0; i < buffer.length; ++i) {
    if (times[i] < window.fromUs) continue;
    path += `${times[i] - before > breakAfter ? 'M' : 'L'}${x(times[i]).toFixed(1)} ${y(lasts[i]).toFixed(1)}`;
    before = times[i];
  }
  return (
    <svg class="sparkline" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
      <path d={path} />
    </svg>
  );
}
