import { useEffect, useRef, useState } from 'preact/hooks';
import { useLocation, useSearch } from 'wouter-preact';
import { isTyping } from '../../app/shortcuts';
import { useServices, type Following } from '../../app/services';
import type { Span } from '../../state/chart_columns';
import { compareSeriesNames } from '../../state/series_order';
import { SeriesStream, type StreamQuery, type StreamSeries } from '../../state/series_stream';
import { parseRange, presets, spanUs, withRange, type UrlRange } from '../../state/url_range';
import { text } from '../../text/text';
import { dateTime } from '../../text/times';
import { Icon } from '../../ui/icons';
import { SeriesPanel } from '../../ui/series_panel';
import { onTick, useLatest } from '../../ui/ticker';
import { Empty, Failure, Loading } from '../../ui/views';
import type { Device } from '../../wire/objects';

const rateHz = 10; // more than is drawn would be folded away
const shortestZoomUs = 100_000;
const widthStep = 64; // a window dragged by a few pixels is not worth new history

/** All series of a device over one range, live or not; the range lives in the URL. */
export function Charts({ device, isOld }: { device: Device; isOld: boolean }) {
  const services = useServices();
  const words = text.value;
  const search = useSearch();
  const [path, navigate] = useLocation();
  const range = parseRange(search);
  const rangeKey = JSON.stringify(range);
  const [width, setWidth] = useState(0);
  const [wanted, setWanted] = useState('');
  const { stream, error } = useDeviceStream(device.id, range, width);

  const setRange = useLatest((next: UrlRange, replace = false) => {
    navigate(`${path}?${withRange(search, next)}`, { replace });
  });
  const preset = range.kind === 'live' ? range.preset : range.back;
  const toLive = useLatest(() => {
    if (range.kind === 'fixed') setRange({ kind: 'live', preset });
  });
  const zoom = useLatest((span: Span) => {
    if (span.toUs - span.fromUs < shortestZoomUs) return;
    const now = services.clock.nowUs();
    setRange({
      kind: 'fixed',
      fromMs: Math.floor(span.fromUs / 1000),
      toMs: Math.ceil(Math.min(span.toUs, now) / 1000),
      back: preset,
    });
  });
  const widen = useLatest((pixels: number) => {
    const rounded = Math.ceil(pixels / widthStep) * widthStep;
    if (rounded > width || rounded < width / 2) setWidth(rounded);
  });
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key !== 'l' || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (!document.querySelector('dialog[open]')) toLive();
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  }, []);

  // A link to one series ("Open chart" of an alert) brings it into sight, once it is there.
  const named = new URLSearchParams(search).get('series');
  const shownFor = useRef<string | null>(null);
  useEffect(() => {
    if (!named || shownFor.current === named) return;
    const figure = document.querySelector(`figure[data-series="${CSS.escape(named)}"]`);
    if (!figure) return;
    shownFor.current = named;
    figure.scrollIntoView({ block: 'center' });
  });

  const all = stream ? stream.list().sort((a, b) => compareSeriesNames(a.info.name, b.info.name)) : [];
  const shown = all.filter((series) => series.info.name.toLowerCase().includes(wanted.trim().toLowerCase()));
  const nowUs = () => services.clock.nowUs();
  const panel = (series: StreamSeries) =>
    stream && (
      <SeriesPanel
        key={series.info.id}
        stream={stream}
        id={series.info.id}
        group={device.id}
        isOld={isOld}
        nowUs={nowUs}
        onZoom={zoom}
        onLive={toLive}
        onWidth={widen}
      />
    );
  return (
    <section aria-label={words.device.series} data-range={rangeKey} data-live={range.kind === 'live'}>
      <div class="bar">
        <div class="segments presets" role="group" aria-label={words.device.range}>
          {presets.map((one) => (
            <button
              key={one}
              type="button"
              aria-pressed={range.kind === 'live' && range.preset === one}
              onClick={() => setRange({ kind: 'live', preset: one })}
            >
              {one}
            </button>
          ))}
        </div>
        {range.kind === 'live' ? (
          <span class="live-mark">
            <Icon name="online" />
            {words.device.isLive}
          </span>
        ) : (
          <>
            <button type="button" class="primary" data-action="live" onClick={toLive}>
              {words.device.toLive}
            </button>
            <span class="muted small fixed-range">
              {dateTime(range.fromMs * 1000, words.locale)} – {dateTime(range.toMs * 1000, words.locale)}
            </span>
          </>
        )}
        <span class="muted small hint">{range.kind === 'live' && words.device.zoomHint}</span>
        {all.length > 6 && (
          <label class="search">
            <span class="hidden">{words.device.searchSeries}</span>
            <Icon name="search" />
            <input
              type="search"
              value={wanted}
              placeholder={words.device.searchSeries}
              onInput={(event) => setWanted(event.currentTarget.value)}
            />
          </label>
        )}
      </div>
      <p class="hidden" id="chart-help">
        {words.device.chartHelp}
      </p>
      {stream?.error && (
        <p class="notice" role="alert">
          {words.device.streamError}: {stream.error}
        </p>
      )}
      {error !== null && <Failure error={error} />}
      {!stream || (!stream.hasAnswered && all.length === 0) ? (
        <Loading rows={6} />
      ) : all.length === 0 ? (
        <Empty icon="chart" title={words.device.noSeriesTitle}>
          <p class="muted">{words.device.noSeriesText}</p>
        </Empty>
      ) : shown.length === 0 ? (
        <Empty icon="search" title={words.device.noMatch} />
      ) : (
        <>
          <div class="panels">{shown.filter(isCharted).map(panel)}</div>
          <div class="panels value-panels">{shown.filter((series) => !isCharted(series)).map(panel)}</div>
        </>
      )}
    </section>
  );
}

function isCharted(series: StreamSeries): boolean {
  return series.info.type === 'number' || series.info.type === 'boolean';
}

/** One subscription for the page, re-parameterised in place when range or width change. Draws the component anew when the
 *  set of series or the subscription's state changes; readings are the panels' own business. */
function useDeviceStream(device: string, range: UrlRange, width: number): { stream: SeriesStream | null; error: unknown } {
  const services = useServices();
  const [stream, setStream] = useState<SeriesStream | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [, draw] = useState(0);
  const following = useRef<Following | null>(null);
  const query = useRef<StreamQuery>();
  query.current = {
    devices: [device],
    series: ['*'],
    range:
      range.kind === 'live'
        ? { kind: 'live', spanUs: spanUs(range.preset) }
        : { kind: 'fixed', fromUs: range.fromMs * 1000, toUs: range.toMs * 1000 },
    width: width || 512,
    maximumRateHz: rateHz,
  };
  useEffect(() => {
    const made = new SeriesStream(query.current!, () => services.clock.nowUs());
    following.current = services.follow(made);
    setStream(made);
    let revision = -1;
    const forget = onTick(() => {
      if (made.revision === revision) return;
      revision = made.revision;
      draw((n) => n + 1);
    });
    return () => {
      forget();
      following.current?.close();
      following.current = null;
    };
  }, [device]);

  const key = JSON.stringify(query.current);
  const sentKey = useRef('');
  useEffect(() => {
    if (!stream) {
      sentKey.current = key;
      return;
    }
    if (sentKey.current === key) return;
    sentKey.current = key;
    stream.change(query.current!);
    following.current?.update();
  }, [stream, key]);

  // What the stream does not bring: values from before the window, and the gaps of all of it.
  const rangeKey = JSON.stringify(query.current.range);
  const hasAnswered = stream?.hasAnswered ?? false;
  useEffect(() => {
    if (!stream || !hasAnswered) return undefined;
    let isCurrent = true;
    setError(null);
    const window = stream.window();
    services.rest
      .gaps(device, window.fromUs, window.toUs)
      .then((gaps) => {
        if (isCurrent) stream.addGaps(gaps);
      })
      .catch((caught) => {
        if (isCurrent) setError(caught);
      });
    return () => {
      isCurrent = false;
    };
  }, [stream, rangeKey, hasAnswered]);
  useEffect(() => {
    if (!stream || !hasAnswered) return;
    services.rest
      .series(device)
      .then((series) => {
        for (const one of series) if (one.latest) stream.setLatest(one.name, device, one.latest);
      })
      .catch(() => {
        // The stream brings new values by itself.
      });
  }, [stream, hasAnswered]);
  return { stream, error };
}
