// The one file that knows uPlot.
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { ChartColumns, Hole, Span } from '../state/chart_columns';
import { formatSteps, scaleFor } from '../state/units';
import { clockTime, dayMonth, shortTime } from '../text/times';

export interface ChartOptions {
  kind: 'number' | 'boolean';
  unit: string;
  locale: string;
  words: { on: string; off: string };
  /** Charts of one page share crosshair and zoom. */
  group: string;
  onZoom(range: Span): void;
  onLive(): void;
  /** Index into the drawn columns, or nothing. */
  onCursor(index: number | null): void;
}

interface Palette {
  line: string;
  band: string;
  grid: string;
  text: string;
  gap: string;
  silence: string;
  background: string;
}

function palette(host: HTMLElement): Palette {
  const style = getComputedStyle(host);
  const read = (name: string) => style.getPropertyValue(name).trim();
  return {
    line: read('--chart-line'),
    band: read('--chart-band'),
    grid: read('--chart-grid'),
    text: read('--chart-text'),
    gap: read('--chart-gap'),
    silence: read('--chart-silence'),
    background: read('--surface'),
  };
}

const zoomAtLeastPx = 6;
const font = '11px system-ui, sans-serif';
const binarySteps = Array.from({ length: 70 }, (_, i) => 2 ** (i - 10));

/**
 * One chart of one series over one window: line, minimum–maximum band, shaded gaps. Draws only when told. Drag selects a
 * range, two fingers pinch one, a double click asks for live.
 */
export class SeriesChart {
  private readonly plot: uPlot;
  private colours: Palette;
  private window: Span = { fromUs: 0, toUs: 1 };
  private holes: readonly Hole[] = [];
  private readonly forget: () => void;

  constructor(
    private readonly host: HTMLElement,
    private readonly options: ChartOptions,
    size: { width: number; height: number },
  ) {
    this.colours = palette(host);
    this.plot = new uPlot(this.plotOptions(size), [[], [], [], []], host);
    this.forget = this.touch();
  }

  /** Width of the plotting area in CSS pixels: how many buckets are worth asking for. */
  get plotWidth(): number {
    return Math.max(1, Math.round(this.plot.bbox.width / devicePixelRatio));
  }

  draw(columns: ChartColumns, window: Span, holes: readonly Hole[]): void {
    this.window = window;
    this.holes = holes;
    this.plot.setData(
      [columns.time, columns.line, columns.low, columns.high] as unknown as uPlot.AlignedData,
      true, // rescale: both scales have range functions, so this is cheap
    );
  }

  resize(width: number, height: number): void {
    if (width !== this.plot.width || height !== this.plot.height) this.plot.setSize({ width, height });
  }
  recolour(): void {
    this.colours = palette(this.host);
    this.plot.redraw(false, true);
  }

  /** Keyboard cursor: steps over points, from the newest. */
  moveCursor(step: number): void {
    const times = this.plot.data[0];
    if (times.length === 0) return;
    let index = this.plot.cursor.idx;
    if (index === null || index === undefined) index = step < 0 ? times.length : -1;
    index += step;
    while (index > 0 && index < times.length - 1 && this.plot.data[1][index] == null) index += Math.sign(step);
    index = Math.min(times.length - 1, Math.max(0, index));
    const left = this.plot.valToPos(times[index], 'x');
    const value = this.plot.data[1][index];
    this.plot.setCursor({ left, top: value == null ? 10 : this.plot.valToPos(value, 'y') });
  }
  hideCursor(): void {
    this.plot.setCursor({ left: -10, top: -10 });
  }

  destroy(): void {
    this.forget();
    this.plot.destroy();
  }

  private plotOptions(size: { width: number; height: number }): uPlot.Options {
    const { options } = this;
    const isBoolean = options.kind === 'boolean';
    const axis = {
      font,
      stroke: () => this.colours.text,
      ticks: { show: false },
      border: { show: false },
      grid: { stroke: () => this.colours.grid, width: 1 },
    };
    const stepped = uPlot.paths.stepped!({ align: 1 });
    const hidden: uPlot.Series = { stroke: 'transparent', width: 0, points: { show: false } };
    return {
      ...size,
      padding: [8, 8, 0, 0],
      legend: { show: false },
      cursor: {
        y: false,
        points: { size: 7, width: 2, show: (u, index) => (index === 1 ? point(u) : (null as unknown as HTMLElement)) },
        drag: { x: true, y: false, setScale: false, dist: zoomAtLeastPx },
        sync: {
          key: options.group,
          scales: ['x', null],
          // Only the crosshair is shared: a selection in one chart must not select in its neighbours.
          filters: { pub: (type) => type === 'mousemove' || type === 'mouseleave' },
        },
        bind: {
          dblclick: () => () => {
            options.onLive();
            return null;
          },
        },
      },
      select: { show: true, left: 0, top: 0, width: 0, height: 0 },
      scales: {
        x: { time: true, range: () => [this.window.fromUs / 1e6, this.window.toUs / 1e6] },
        y: { range: (_u, low, high) => (isBoolean ? [-0.12, 1.12] : yRange(low, high, options.unit)) },
      },
      axes: [
        {
          ...axis,
          size: 24,
          gap: 4,
          space: (_u, _axis, fromS, toS) => (toS - fromS < 120 ? 64 : 44),
          values: (_u, splits, _axis, _space, step) => splits.map((second) => timeLabel(second * 1e6, step, options.locale)),
        },
        {
          ...axis,
          size: 48,
          gap: 6,
          space: 26,
          ...(isBoolean ? { splits: () => [0, 1] } : {}),
          ...(options.unit === 'By' || options.unit === 'By/s' ? { incrs: binarySteps } : {}),
          values: (_u, splits) => (isBoolean ? [options.words.off, options.words.on] : yLabels(splits, options)),
        },
      ],
      series: [
        {},
        {
          stroke: () => this.colours.line,
          width: 1.5,
          ...(isBoolean ? { paths: stepped, fill: () => this.colours.band } : {}),
          points: { show: false, size: 4, fill: () => this.colours.line, filter: lonely },
        },
        hidden,
        hidden,
      ],
      bands: isBoolean ? [] : [{ series: [3, 2], fill: () => this.colours.band }],
      hooks: {
        drawClear: [(u) => this.shade(u)],
        setSelect: [(u) => this.selected(u)],
        setCursor: [(u) => options.onCursor(u.cursor.left !== undefined && u.cursor.left >= 0 ? (u.cursor.idx ?? null) : null)],
      },
    };
  }

  private selected(u: uPlot): void {
    const { left, width } = u.select;
    if (width < zoomAtLeastPx) return;
    const fromUs = u.posToVal(left, 'x') * 1e6;
    const toUs = u.posToVal(left + width, 'x') * 1e6;
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.options.onZoom({ fromUs, toUs });
  }

  private shade(u: uPlot): void {
    const { ctx, bbox } = u;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    for (const hole of this.holes) {
      const left = u.valToPos(hole.fromUs / 1e6, 'x', true);
      const right = u.valToPos(hole.toUs / 1e6, 'x', true);
      const width = Math.max(right - left, 2 * devicePixelRatio);
      ctx.fillStyle = hole.kind === 'gap' ? this.colours.gap : this.colours.silence;
      ctx.fillRect(left, bbox.top, width, bbox.height);
      if (hole.kind === 'gap') hatch(ctx, left, bbox.top, width, bbox.height, this.colours.gap);
    }
    ctx.restore();
  }

  /** Two fingers on the chart choose a range; one finger keeps scrolling the page. */
  private touch(): () => void {
    const fingers = new Map<number, number>(); // pointer → x within the plot, CSS pixels
    let start: { a: number; b: number; span: Span } | null = null;
    let wanted: Span | null = null;
    const over = this.plot.over;
    const x = (event: PointerEvent) => event.clientX - over.getBoundingClientRect().left;
    const down = (event: PointerEvent) => {
      if (event.pointerType !== 'touch') return;
      fingers.set(event.pointerId, x(event));
      if (fingers.size !== 2) return;
      const [a, b] = [...fingers.values()].sort((one, other) => one - other);
      start = { a, b, span: { ...this.window } };
    };
    const move = (event: PointerEvent) => {
      if (!fingers.has(event.pointerId)) return;
      fingers.set(event.pointerId, x(event));
      if (!start || fingers.size !== 2) return;
      const [a, b] = [...fingers.values()].sort((one, other) => one - other);
      if (b - a < 10) return;
      // What was under the fingers stays under them.
      const scale = (start.span.toUs - start.span.fromUs) / over.clientWidth;
      const timeA = start.span.fromUs + start.a * scale;
      const perPixel = ((start.b - start.a) * scale) / (b - a);
      wanted = { fromUs: timeA - a * perPixel, toUs: timeA + (over.clientWidth - a) * perPixel };
      this.window = wanted;
      this.plot.redraw(true, true);
    };
    const up = (event: PointerEvent) => {
      if (!fingers.delete(event.pointerId)) return;
      if (wanted) this.options.onZoom(wanted);
      start = wanted = null;
    };
    over.addEventListener('pointerdown', down);
    over.addEventListener('pointermove', move);
    over.addEventListener('pointerup', up);
    over.addEventListener('pointercancel', up);
    return () => {
      over.removeEventListener('pointerdown', down);
      over.removeEventListener('pointermove', move);
      over.removeEventListener('pointerup', up);
      over.removeEventListener('pointercancel', up);
    };
  }
}

function point(u: uPlot): HTMLElement {
  const element = document.createElement('div');
  element.className = 'u-cursor-pt chart-point';
  void u;
  return element;
}

/** Points without neighbours, which a line alone would not show. */
function lonely(u: uPlot, seriesIndex: number): number[] | null {
  const values = u.data[seriesIndex];
  const found: number[] = [];
  for (let i = 0; i < values.length; ++i) {
    if (values[i] != null && values[i - 1] == null && values[i + 1] == null) found.push(i);
  }
  return found.length > 0 ? found : null;
}

function hatch(ctx: CanvasRenderingContext2D, left: number, top: number, width: number, height: number, colour: string): void {
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  ctx.strokeStyle = colour;
  ctx.lineWidth = devicePixelRatio;
  ctx.beginPath();
  const step = 6 * devicePixelRatio;
  for (let x = left - height; x < left + width; x += step) {
    ctx.moveTo(x, top + height);
    ctx.lineTo(x + height, top);
  }
  ctx.stroke();
  ctx.restore();
}

function yRange(low: number | null, high: number | null, unit: string): [number, number] {
  if (low == null || high == null || !Number.isFinite(low) || !Number.isFinite(high)) return [0, 1];
  const span = high - low;
  if (span === 0) {
    const margin = Math.abs(low) * 0.05 || 1;
    return low >= 0 && low - margin < 0 ? [0, high + margin] : [low - margin, high + margin];
  }
  const margin = span * 0.1;
  // Zero is a natural floor where it is near; percentages do not go above 100.
  const bottom = low >= 0 && low - margin < span * 0.15 ? 0 : low - margin;
  const top = unit === '%' && high <= 100 ? Math.min(100.5, high + margin) : high + margin;
  return [bottom, top];
}

function yLabels(splits: readonly number[], options: ChartOptions): string[] {
  const largest = splits.reduce((most, one) => Math.max(most, Math.abs(one)), 0);
  const scale = scaleFor(options.unit, largest);
  const suffix = scale.divisor > 1 ? scale.unit.charAt(0) : '';
  const labels = formatSteps(splits, scale.divisor, options.locale);
  return labels.map((label, i) => label + (splits[i] === 0 ? '' : suffix));
}

function timeLabel(timeUs: number, step: number, locale: string): string {
  if (step >= 86_400) return dayMonth(timeUs, locale);
  const isMidnight = new Date(timeUs / 1000).getHours() === 0 && new Date(timeUs / 1000).getMinutes() === 0;
  if (isMidnight && step >= 60) return dayMonth(timeUs, locale);
  if (step >= 60) return shortTime(timeUs, locale);
  if (step >= 1) return clockTime(timeUs, locale);
  const fraction = Math.round((timeUs % 1e6) / 1000)
    .toString()
    .padStart(3, '0');
  return `:${String(new Date(timeUs / 1000).getSeconds()).padStart(2, '0')}.${fraction}`;
}
