import { useEffect, useMemo, useState } from 'preact/hooks';
import { Link, useLocation, useSearch } from 'wouter-preact';
import { useServices } from '../../app/services';
import { useTitle } from '../../app/title';
import { breakAfterUs } from '../../state/chart_columns';
import { filterDevices } from '../../state/fleet';
import { SeriesStream, type StreamSeries } from '../../state/series_stream';
import { text } from '../../text/text';
import { PresenceBadge } from '../../ui/badges';
import { Icon } from '../../ui/icons';
import { valueText } from '../../ui/series_panel';
import { Sparkline } from '../../ui/sparkline';
import { useEvery } from '../../ui/ticker';
import { TimeAgo } from '../../ui/time_ago';
import { Empty, Failure, Loading } from '../../ui/views';
import type { Device, PresenceWord } from '../../wire/objects';
import { mayAct } from '../../wire/rest_client';
import { usePinned } from './pinned';

const rowsAtFirst = 200;
const trendUs = 10 * 60 * 1e6;
const presences: PresenceWord[] = ['online', 'asleep', 'offline', 'unknown'];

export function FleetPage() {
  const services = useServices();
  const isAdmin = services.user !== null && mayAct(services.user, 'admin');
  const words = text.value;
  const [, navigate] = useLocation();
  const query = new URLSearchParams(useSearch());
  const filter = { text: query.get('q') ?? '', presence: (query.get('presence') ?? '') as PresenceWord | '' };
  const [rows, setRows] = useState(rowsAtFirst);
  useTitle(words.fleet.title);
  const revision = services.fleetRevision.value;
  void services.alertsRevision.value;
  const devices = useMemo(() => services.fleet.list(), [revision]);
  const shown = filterDevices(devices, filter);
  const { pinned, pin, offered } = usePinned(devices);
  const values = usePinnedValues(pinned);

  const setQuery = (key: string, value: string) => {
    if (value) query.set(key, value);
    else query.delete(key);
    const search = query.toString();
    navigate(search ? `/?${search}` : '/', { replace: true });
  };

  if (!services.fleet.isLoaded) {
    return services.fleetError.value ? (
      <Failure error={services.fleetError.value} retry={() => void services.loadDevices()} />
    ) : (
      <Loading rows={6} />
    );
  }
  const firingByDevice = new Map<string, number>();
  for (const alert of services.alerts.firing()) {
    firingByDevice.set(alert.device, (firingByDevice.get(alert.device) ?? 0) + 1);
  }
  const seriesByDevice = new Map(values?.list().map((series) => [series.info.device, series]));
  const online = devices.filter((device) => device.presence === 'online').length;
  const isOld = services.link.value.kind !== 'open';
  return (
    <div class={`page ${isOld ? 'old' : ''}`}>
      <div class="page-head">
        <h1>{words.fleet.title}</h1>
        <p class="muted">{words.fleet.count(online, devices.length)}</p>
        {devices.length > 0 && (
          <div class="tools">
            <label class="search">
              <span class="hidden">{words.fleet.search}</span>
              <Icon name="search" />
              <input
                type="search"
                value={filter.text}
                placeholder={words.fleet.searchHint}
                onInput={(event) => setQuery('q', event.currentTarget.value)}
              />
            </label>
            <label class="inline">
              <span class="hidden">{words.fleet.presence}</span>
              <select value={filter.presence} onChange={(event) => setQuery('presence', event.currentTarget.value)}>
                <option value="">{words.fleet.anyPresence}</option>
                {presences.map((one) => (
                  <option key={one} value={one}>
                    {words.presence[one]}
                  </option>
                ))}
              </select>
            </label>
            <label class="inline">
              <span class="muted small wide-only">{words.fleet.pinned}</span>
              <select value={pinned} onChange={(event) => pin(event.currentTarget.value)} data-control="pinned">
                <option value="">{words.fleet.noValue}</option>
                {offered.map((name) => (
                  <option key={name} value={name}>
                    {name}
                  </option>
                ))}
              </select>
            </label>
          </div>
        )}
      </div>
      {services.fleetError.value !== null && (
        <Failure error={services.fleetError.value} retry={() => void services.loadDevices()} />
      )}
      {devices.length === 0 ? (
        isAdmin ? (
          <Empty icon="fleet" title={words.fleet.emptyTitle}>
            <p class="muted">{words.fleet.emptyText}</p>
            <Link href="/enrol" class="button primary">
              {words.nav.enrol}
            </Link>
          </Empty>
        ) : (
          <Empty icon="fleet" title={words.access.noDevices}>
            <p class="muted">{words.access.noDevicesText}</p>
          </Empty>
        )
      ) : shown.length === 0 ? (
        <Empty icon="search" title={words.fleet.nothingMatches}>
          <button type="button" onClick={() => navigate('/', { replace: true })}>
            {words.fleet.clearFilter}
          </button>
        </Empty>
      ) : (
        <table class="list fleet-list">
          <thead>
            <tr>
              <th scope="col">{words.fleet.device}</th>
              <th scope="col">{words.fleet.presence}</th>
              <th scope="col" class="right">
                {pinned || words.fleet.pinned}
              </th>
              <th scope="col" class="fleet-trend">
                {words.fleet.trend}
              </th>
              <th scope="col">{words.fleet.alerts}</th>
              <th scope="col">{words.fleet.tags}</th>
              <th scope="col">{words.fleet.lastSeen}</th>
            </tr>
          </thead>
          <tbody>
            {shown.slice(0, rows).map((device) => (
              <FleetRow
                key={device.id}
                device={device}
                firing={firingByDevice.get(device.id) ?? 0}
                stream={values}
                series={seriesByDevice.get(device.id)}
                nowUs={() => services.clock.nowUs()}
              />
            ))}
          </tbody>
        </table>
      )}
      {shown.length > rows && (
        <button type="button" class="more" onClick={() => setRows(rows + rowsAtFirst)}>
          {words.common.showMore(Math.min(rowsAtFirst, shown.length - rows))}
        </button>
      )}
    </div>
  );
}

function FleetRow({
  device,
  firing,
  stream,
  series,
  nowUs,
}: {
  device: Device;
  firing: number;
  stream: SeriesStream | null;
  series: StreamSeries | undefined;
  nowUs: () => number;
}) {
  const words = text.value;
  const [, navigate] = useLocation();
  const href = `/devices/${encodeURIComponent(device.name)}`;
  return (
    <tr
      data-device={device.name}
      onClick={(event) => {
        if (!(event.target as Element).closest('a,button')) navigate(href);
      }}
    >
      <td class="fleet-name">
        <Link href={href}>{device.name}</Link>
      </td>
      <td>
        <PresenceBadge presence={device.presence} />
      </td>
      <td class="right fleet-value">
        {series && (
          <PinnedValue
            latest={series.latest}
            unit={series.info.unit}
            isOld={device.presence !== 'online' || series.stale}
          />
        )}
      </td>
      <td class="fleet-trend">
        {series && stream && series.info.type !== 'string' && (
          <Sparkline
            buffer={series.buffer}
            window={stream.window()}
            breakAfter={breakAfterUs(series.buffer, series.info.intervalMs)}
          />
        )}
      </td>
      <td class="fleet-alerts">
        {firing > 0 && (
          <Link href="/alerts" class="state severity-warning">
            <Icon name="bell" />
            {firing}
          </Link>
        )}
      </td>
      <td class="fleet-tags">
        {Object.entries(device.tags ?? {}).map(([key, value]) => (
          <span key={key} class="tag">
            {key}: {value}
          </span>
        ))}
      </td>
      <td class="muted fleet-seen">
        <span class="phone-label">{words.fleet.lastSeen}</span> <TimeAgo at={device.last_seen} nowUs={nowUs} isNow={device.presence === 'online'} />
      </td>
    </tr>
  );
}

/** Takes values, not the series: components whose props stay the same are not drawn again. */
function PinnedValue({ latest, unit, isOld }: { latest: StreamSeries['latest']; unit: string; isOld: boolean }) {
  if (!latest) return <span class="muted">–</span>;
  const shown = valueText(latest.value, unit, text.value.locale);
  return (
    <span class={`quantity ${isOld ? 'dim' : ''}`}>
      <span class="number">{shown.number}</span> <span class="unit">{shown.unit}</span>
    </span>
  );
}

/** One light subscription for the whole list: the pinned series of every device, once a second. */
function usePinnedValues(pinned: string): SeriesStream | null {
  const services = useServices();
  useEvery(1000);
  const [stream, setStream] = useState<SeriesStream | null>(null);
  useEffect(() => {
    if (!pinned) {
      setStream(null);
      return undefined;
    }
    const made = new SeriesStream(
      { devices: [], series: [pinned], range: { kind: 'live', spanUs: trendUs }, width: 96, maximumRateHz: 1 },
      () => services.clock.nowUs(),
    );
    const following = services.follow(made);
    setStream(made);
    return () => following.close();
  }, [pinned]);
  return stream;
}
