import { useEffect, useState } from 'preact/hooks';
import { Link } from 'wouter-preact';
import { useServices } from '../../app/services';
import { useTitle } from '../../app/title';
import { text } from '../../text/text';
import { fullTime } from '../../text/times';
import { PresenceBadge } from '../../ui/badges';
import { Icon } from '../../ui/icons';
import { TimeAgo } from '../../ui/time_ago';
import { Failure, Loading } from '../../ui/views';
import type { Device } from '../../wire/objects';
import { Charts } from './charts';
import { Commands } from './commands';

export function DevicePage({ name }: { name: string }) {
  const services = useServices();
  const [id, setId] = useState<string | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [attempt, setAttempt] = useState(0);
  void services.fleetRevision.value;
  useEffect(() => {
    let isCurrent = true;
    setError(null);
    services.rest
      .device(name)
      .then((device) => {
        if (!isCurrent) return;
        services.putDevice(device);
        setId(device.id);
      })
      .catch((caught) => {
        if (isCurrent) setError(caught);
      });
    return () => {
      isCurrent = false;
    };
  }, [name, attempt]);
  const device = services.fleet.find(id ?? name);
  useTitle(device?.name ?? name);
  if (!device) {
    return error ? <Failure error={error} retry={() => setAttempt(attempt + 1)} /> : <Loading rows={8} />;
  }
  const isLinkDown = services.link.value.kind !== 'open';
  return (
    <div class="page device-page">
      <DeviceHead device={device} />
      <Charts device={device} isOld={isLinkDown || device.presence === 'offline'} />
      <Commands device={device} />
    </div>
  );
}

function DeviceHead({ device }: { device: Device }) {
  const services = useServices();
  const words = text.value;
  const nowUs = () => services.clock.nowUs();
  const facts = Object.entries(device.attributes ?? {}).sort(([a], [b]) => a.localeCompare(b));
  const tags = Object.entries(device.tags ?? {});
  return (
    <>
      <div class="page-head device-head">
        <Link href="/" class="back" aria-label={words.device.back}>
          <Icon name="back" />
        </Link>
        <h1>{device.name}</h1>
        <PresenceBadge presence={device.presence} />
        <span class="muted small">
          {words.device.lastSeen} <TimeAgo at={device.last_seen} nowUs={nowUs} isNow={device.presence === 'online'} />
        </span>
        {tags.map(([key, value]) => (
          <span key={key} class="tag">
            {key}: {value}
          </span>
        ))}
      </div>
      <details class="facts">
        <summary>{words.device.facts}</summary>
        <dl>
          {facts.map(([key, value]) => (
            <div key={key}>
              <dt>{key}</dt>
              <dd>{value}</dd>
            </div>
          ))}
          <div>
            <dt>{words.device.since}</dt>
            <dd>{fullTime(device.created_at, words.locale)}</dd>
          </div>
          <div>
            <dt>{words.device.id}</dt>
            <dd class="mono">{device.id}</dd>
          </div>
        </dl>
      </details>
    </>
  );
}
