import { useEffect, useRef, useState } from 'preact/hooks';
import { breakAfterUs, chartColumns, silences, type ChartColumns, type Hole, type Span } from '../state/chart_columns';
import type { Pace, SeriesStream, StreamSeries } from '../state/series_stream';
import { formatNumber, formatQuantity, scaleFor } from '../state/units';
import { text } from '../text/text';
import { clockTime, dateTime } from '../text/times';
import type { Value } from '../wire/objects';
import { SeriesChart } from './chart';
import { Icon } from './icons';
import { paletteRevision } from './theme';
import { onTick, useLatest } from './ticker';

const chartHeight = 132;
const tableRowsAtMost = 200;

export interface PanelProps {
  stream: SeriesStream;
  id: number;
  group: string;
  /** The link is down or the device is away: what is shown is old. */
  isOld: boolean;
  nowUs: () => number;
  onZoom: (range: Span) => void;
  onLive: () => void;
  onWidth: (pixels: number) => void;
}

export function valueText(value: Value, unit: string, locale: string): { number: string; unit: string } {
  if (typeof value === 'number') return formatQuantity(value, unit, locale);
  if (typeof value === 'boolean') return { number: value ? text.value.device.on : text.value.device.off, unit: '' };
  if (typeof value === 'string') return { number: value, unit: '' };
  return { number: value.map((part) => part.toFixed(5)).join(', '), unit: '' };
}

/** One series: its name, newest value, and its chart (or its table). Updates itself ten times a second at most, only while
 *  it can be seen, and without redrawing the component. */
export function SeriesPanel(props: PanelProps) {
  const { stream, id } = props;
  const series = stream.get(id);
  if (!series) return null;
  const hasChart = series.info.type === 'number' || series.info.type === 'boolean';
  return hasChart ? <ChartPanel {...props} series={series} /> : <ValuePanel {...props} series={series} />;
}

function isStale(series: StreamSeries, nowUs: number): boolean {
  if (series.stale) return true;
  const { intervalMs } = series.info;
  return intervalMs > 0 && series.latest !== null && nowUs - series.latest.time > Math.max(5 * intervalMs, 10_000) * 1000;
}

function ChartPanel(props: PanelProps & { series: StreamSeries }) {
  const { stream, series, group } = props;
  const words = text.value;
  const { locale } = words;
  const [isTable, setTable] = useState(false);
  const figure = useRef<HTMLElement>(null);
  const plot = useRef<HTMLDivElement>(null);
  const number = useRef<HTMLSpanElement>(null);
  const unit = useRef<HTMLSpanElement>(null);
  const when = useRef<HTMLSpanElement>(null);
  const note = useRef<HTMLParagraphElement>(null);
  const lost = useRef<HTMLSpanElement>(null);
  const chart = useRef<SeriesChart | null>(null);
  const columns = useRef<ChartColumns | null>(null);
  const cursor = useRef<number | null>(null);
  const zoom = useLatest(props.onZoom);
  const live = useLatest(props.onLive);
  const width = useLatest(props.onWidth);
  const palette = paletteRevision.value;

  const readout = useLatest(() => {
    if (!number.current || !unit.current || !when.current || !figure.current) return;
    const { latest, info } = series;
    if (!latest) return;
    const newest = valueText(latest.value, info.unit, locale);
    figure.current.dataset.lastTime = String(latest.time);
    figure.current.dataset.lastValue = String(latest.value);
    figure.current.setAttribute('aria-label', words.device.chart(info.name, `${newest.number} ${newest.unit}`.trim()));
    const drawn = columns.current;
    const at = cursor.current;
    const source = drawn && at !== null && at < drawn.source.length ? drawn.source[at] : -1;
    if (source < 0 || source >= series.buffer.length) {
      number.current.textContent = newest.number;
      unit.current.textContent = newest.unit;
      when.current.textContent = clockTime(latest.time, locale);
      return;
    }
    // Under the crosshair: that point instead of the newest.
    const point = series.buffer.at(source);
    const isBoolean = info.type === 'boolean';
    const mean = isBoolean ? point.last : point.sum / point.count;
    const shown = valueText(isBoolean ? mean !== 0 : mean, info.unit, locale);
    number.current.textContent = shown.number;
    unit.current.textContent = shown.unit;
    const scale = scaleFor(info.unit, mean);
    const bound = (value: number) => formatNumber(value / scale.divisor, locale);
    const spread = !isBoolean && point.maximum > point.minimum ? `${bound(point.minimum)} – ${bound(point.maximum)} · ` : '';
    when.current.textContent = spread + dateTime(point.timeUs, locale);
  });

  useEffect(() => {
    const host = plot.current;
    const box = figure.current;
    if (!host || !box) return;
    const size = () => ({ width: Math.max(160, host.clientWidth), height: chartHeight });
    const made = new SeriesChart(
      host,
      {
        kind: series.info.type === 'boolean' ? 'boolean' : 'number',
        unit: series.info.unit,
        locale,
        words: { on: words.device.on, off: words.device.off },
        group,
        onZoom: (range) => zoom(range),
        onLive: () => live(),
        onCursor: (index) => {
          cursor.current = index;
          readout();
        },
      },
      size(),
    );
    chart.current = made;
    width(made.plotWidth);

    let isVisible = true;
    let drawnRevision = -1;
    let drawnWindow: Span = { fromUs: 0, toUs: 0 };
    const draw = () => {
      if (!isVisible) return;
      const window = stream.window();
      const moved = Math.abs(window.toUs - drawnWindow.toUs) + Math.abs(window.fromUs - drawnWindow.fromUs);
      const pixel = (window.toUs - window.fromUs) / made.plotWidth;
      const stale = isStale(series, props.nowUs());
      box.classList.toggle('stale', stale);
      if (series.revision === drawnRevision && moved < pixel) return;
      drawnRevision = series.revision;
      drawnWindow = window;
      const breakAfter = breakAfterUs(series.buffer, series.info.intervalMs);
      const gaps = stream.gapsOf(series);
      const quiet: Hole[] = silences(series.buffer, window, breakAfter).map((span) => ({
        ...span,
        kind: 'silence',
        reason: '',
        count: 0,
        atMost: false,
      }));
      columns.current = chartColumns(series.buffer, window, breakAfter, gaps, series.info.type === 'boolean');
      made.draw(columns.current, window, [...quiet, ...gaps]);
      const inside = gaps.filter((gap) => gap.toUs >= window.fromUs && gap.fromUs <= window.toUs);
      box.dataset.points = String(series.buffer.length);
      box.dataset.from = String(Math.round(window.fromUs));
      box.dataset.to = String(Math.round(window.toUs));
      box.dataset.gaps = String(inside.length);
      if (note.current) {
        const hasPoint = columns.current.time.some((second) => second * 1e6 >= window.fromUs && second * 1e6 <= window.toUs);
        note.current.textContent = hasPoint || !stream.isComplete ? '' : words.device.noData;
      }
      if (lost.current) {
        const told = (gap: Hole) => words.device.gap(words.gapReason[gap.reason] ?? gap.reason, gap.count, gap.atMost);
        lost.current.textContent = inside.length > 0 ? words.device.gaps(inside.length) : '';
        lost.current.title = inside
          .slice(-5)
          .map((gap) => `${dateTime(gap.fromUs, locale)} – ${dateTime(gap.toUs, locale)}: ${told(gap)}`)
          .join('\n');
      }
      readout();
    };
    const seen = new IntersectionObserver((entries) => {
      isVisible = entries[entries.length - 1].isIntersecting;
      if (isVisible) draw();
    }, { rootMargin: '120px' });
    seen.observe(box);
    const sized = new ResizeObserver(() => {
      made.resize(size().width, chartHeight);
      width(made.plotWidth);
      drawnRevision = -1;
    });
    sized.observe(host);
    const forget = onTick(draw);
    draw();
    return () => {
      forget();
      seen.disconnect();
      sized.disconnect();
      made.destroy();
      chart.current = null;
    };
  }, [stream, series, locale]);

  useEffect(() => chart.current?.recolour(), [palette]);

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== figure.current || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = event.key === 'ArrowLeft' ? -1 : event.key === 'ArrowRight' ? 1 : 0;
    if (step !== 0) {
      event.preventDefault();
      chart.current?.moveCursor(step * (event.shiftKey ? 10 : 1));
    } else if (event.key === 't') {
      event.preventDefault();
      setTable(!isTable);
    }
  };

  return (
    <figure
      ref={figure}
      class={`panel ${props.isOld ? 'old' : ''}`}
      tabIndex={0}
      role="group"
      aria-roledescription={words.device.series}
      aria-label={series.info.name}
      data-series={series.info.name}
      onKeyDown={onKeyDown}
      onBlur={(event) => {
        if (event.target === figure.current) chart.current?.hideCursor();
      }}
    >
      <figcaption>
        <span class="panel-name" title={series.info.name}>
          {series.info.name}
        </span>
        <span ref={lost} class="gap-mark" />
        <span class="stale-mark">{words.device.stale}</span>
        <PaceMark pace={stream.pace} />
        <span class="panel-value">
          <span ref={number} class="number" />
          <span ref={unit} class="unit" />
        </span>
        <span ref={when} class="panel-when" />
        <button
          type="button"
          class="quiet icon-only small-button"
          aria-label={isTable ? words.device.showChart(series.info.name) : words.device.showTable(series.info.name)}
          aria-pressed={isTable}
          onClick={() => setTable(!isTable)}
        >
          <Icon name={isTable ? 'chart' : 'table'} />
        </button>
      </figcaption>
      <div ref={plot} class={`plot ${isTable ? 'covered' : ''}`} aria-hidden="true" />
      {isTable && <ReadingsTable stream={stream} series={series} />}
      <p ref={note} class="panel-note" />
    </figure>
  );
}

/** Readings do not come as they should; drawn anew with the page, as the subscription's phase changes. */
function PaceMark({ pace }: { pace: Pace }) {
  if (pace === 'full') return null;
  const words = text.value.device;
  return (
    <span class="pace-mark" data-pace={pace} title={words.paceTitle[pace]}>
      {words.pace[pace]}
    </span>
  );
}

function ReadingsTable({ stream, series }: { stream: SeriesStream; series: StreamSeries }) {
  const [, draw] = useState(0);
  const words = text.value;
  const revision = useRef(-1);
  useEffect(
    () =>
      onTick(() => {
        if (revision.current === series.revision) return;
        revision.current = series.revision;
        draw((n) => n + 1);
      }),
    [series],
  );
  const window = stream.window();
  const rows = [];
  for (let i = series.buffer.length - 1; i >= 0 && rows.length < tableRowsAtMost; --i) {
    const point = series.buffer.at(i);
    if (point.timeUs > window.toUs) continue;
    if (point.timeUs < window.fromUs) break;
    rows.push(point);
  }
  const isBoolean = series.info.type === 'boolean';
  const cell = (value: number) => {
    const shown = valueText(isBoolean ? value !== 0 : value, series.info.unit, words.locale);
    return `${shown.number} ${shown.unit}`.trim();
  };
  return (
    <div class="readings" tabIndex={0} role="region" aria-label={words.device.showTable(series.info.name)}>
      <table>
        <thead>
          <tr>
            <th scope="col">{words.device.time}</th>
            <th scope="col">{isBoolean ? words.device.value : words.device.mean}</th>
            {!isBoolean && <th scope="col">{words.device.minimum}</th>}
            {!isBoolean && <th scope="col">{words.device.maximum}</th>}
            <th scope="col">{words.device.readings}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((point) => (
            <tr key={point.timeUs}>
              <td>{dateTime(point.timeUs, words.locale)}</td>
              <td>{cell(isBoolean ? point.last : point.sum / point.count)}</td>
              {!isBoolean && <td>{cell(point.minimum)}</td>}
              {!isBoolean && <td>{cell(point.maximum)}</td>}
              <td>{point.count}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Strings and locations: the newest value and, for strings, what it was before. */
function ValuePanel({ stream, series, isOld, nowUs }: PanelProps & { series: StreamSeries }) {
  const [, draw] = useState(0);
  const revision = useRef(-1);
  const words = text.value;
  useEffect(
    () =>
      onTick(() => {
        if (revision.current === series.revision) return;
        revision.current = series.revision;
        draw((n) => n + 1);
      }),
    [series],
  );
  const latest = series.latest;
  return (
    <figure
      class={`panel value-panel ${isOld ? 'old' : ''} ${isStale(series, nowUs()) ? 'stale' : ''}`}
      data-series={series.info.name}
      data-last-time={latest?.time}
    >
      <figcaption>
        <span class="panel-name">{series.info.name}</span>
        <span class="stale-mark">{words.device.stale}</span>
        <PaceMark pace={stream.pace} />
        <span class="panel-when">{latest && clockTime(latest.time, words.locale)}</span>
      </figcaption>
      <p class="value-text">{latest ? valueText(latest.value, series.info.unit, words.locale).number : '–'}</p>
      {series.changes.length > 1 && (
        <ol class="changes">
          {[...series.changes]
            .reverse()
            .slice(1, 6)
            .map((change) => (
              <li key={change.time}>
                <time>{clockTime(change.time, words.locale)}</time> {change.value}
              </li>
            ))}
        </ol>
      )}
    </figure>
  );
}
