import { useState } from 'preact/hooks';
import { Link, useLocation, useSearch } from 'wouter-preact';
import { useServices } from '../../app/services';
import { useTitle } from '../../app/title';
import { formatNumber } from '../../state/units';
import { text } from '../../text/text';
import { dateTime, duration } from '../../text/times';
import { SeverityBadge } from '../../ui/badges';
import { Dialog } from '../../ui/dialog';
import { Field } from '../../ui/field';
import { Icon } from '../../ui/icons';
import { useEvery } from '../../ui/ticker';
import { Empty, Failure, Loading } from '../../ui/views';
import type { Alert } from '../../wire/objects';
import { mayAct } from '../../wire/rest_client';
import { AlertTabs } from './alert_tabs';

const onsetMarginMs = 5 * 60 * 1000;

export function AlertsPage() {
  const services = useServices();
  const words = text.value;
  useTitle(words.alerts.title);
  useEvery(1000);
  const isHistory = new URLSearchParams(useSearch()).get('state') === 'resolved';
  void services.alertsRevision.value;
  const error = services.alertsError.value;
  const [asking, ask] = useState<Alert | null>(null);
  const alerts = isHistory ? services.alerts.resolved() : services.alerts.firing();
  const isOld = services.link.value.kind !== 'open';
  return (
    <div class={`page ${isOld ? 'old' : ''}`}>
      <div class="page-head">
        <h1>{words.alerts.title}</h1>
      </div>
      <AlertTabs here={isHistory ? 'resolved' : 'firing'} firing={services.alerts.firingCount} />
      {error !== null && <Failure error={error} retry={() => void services.loadAlerts()} />}
      {!services.alerts.isLoaded ? (
        error === null && <Loading />
      ) : alerts.length === 0 ? (
        <Empty icon={isHistory ? 'clock' : 'check'} title={isHistory ? words.alerts.noHistory : words.alerts.quietTitle}>
          {!isHistory && <p class="muted">{words.alerts.quietText}</p>}
        </Empty>
      ) : (
        <ul class="alert-list">
          {alerts.map((alert) => (
            <AlertItem key={alert.id} alert={alert} onAcknowledge={() => ask(alert)} />
          ))}
        </ul>
      )}
      {asking && <AcknowledgeDialog alert={asking} onClose={() => ask(null)} />}
    </div>
  );
}

function AlertItem({ alert, onAcknowledge }: { alert: Alert; onAcknowledge: () => void }) {
  const services = useServices();
  const [, navigate] = useLocation();
  const words = text.value;
  const device = alert.device_name || services.fleet.name(alert.device);
  const onsetMs = Math.floor(alert.started_at / 1000);
  const endUs = alert.resolved_at || services.clock.nowUs();
  const query = `range=5m&from=${onsetMs - onsetMarginMs}&to=${Math.floor(Math.min(endUs / 1000 + onsetMarginMs, services.clock.nowUs() / 1000))}&series=${encodeURIComponent(alert.series)}`;
  const user = services.user;
  // What the hub itself has seen: there is no rule behind it, and no series to open.
  const notice = alert.rule === '' ? words.alerts.notices[alert.rule_name] : undefined;
  return (
    <li class={`alert alert-${alert.state} alert-${alert.severity}`} data-alert={alert.rule_name} data-state={alert.state}>
      <SeverityBadge severity={alert.severity} />
      <div class="alert-what">
        <p class="alert-title">
          <strong>{notice?.title ?? alert.rule_name}</strong>
          <span class="state-word">{words.alerts.state[alert.state]}</span>
        </p>
        <p class="muted small">
          <Link href={`/devices/${encodeURIComponent(device)}`}>{device}</Link>
          {alert.series !== '' && (
            <>
              {' '}
              · <code>{alert.series}</code> · {words.alerts.value} {formatNumber(alert.value, words.locale)}
            </>
          )}
        </p>
        {notice && <p class="small">{notice.meaning}</p>}
        {alert.acknowledged && (
          <p class="small">
            <Icon name="check" /> {words.alerts.acknowledged(alert.acknowledged.by)}
            {alert.acknowledged.note && <>: {alert.acknowledged.note}</>}
          </p>
        )}
      </div>
      <p class="alert-when muted small">
        {alert.state === 'firing' || !alert.resolved_at ? (
          <>
            {words.alerts.since(dateTime(alert.started_at, words.locale))}
            <br />
            {duration(services.clock.nowUs() - alert.started_at, words.locale)}
          </>
        ) : (
          <>
            {words.alerts.resolved(dateTime(alert.resolved_at, words.locale))}
            <br />
            {words.alerts.lasted(duration(alert.resolved_at - alert.started_at, words.locale))}
          </>
        )}
      </p>
      <div class="alert-actions">
        {alert.series !== '' && (
          <button type="button" onClick={() => navigate(`/devices/${encodeURIComponent(device)}?${query}`)}>
            <Icon name="chart" />
            {words.alerts.open}
          </button>
        )}
        {!alert.acknowledged && user && mayAct(user, 'operator') && (
          <button type="button" onClick={onAcknowledge}>
            <Icon name="check" />
            {words.alerts.acknowledge}
          </button>
        )}
      </div>
    </li>
  );
}

function AcknowledgeDialog({ alert, onClose }: { alert: Alert; onClose: () => void }) {
  const services = useServices();
  const words = text.value;
  const [note, setNote] = useState('');
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      services.putAlert(await services.rest.acknowledge(alert.id, note.trim()));
      onClose();
    } catch (caught) {
      setError(caught);
      setBusy(false);
    }
  };
  return (
    <Dialog title={words.alerts.acknowledgeTitle} onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        <p>
          <strong>{alert.rule_name}</strong> · {alert.device_name || services.fleet.name(alert.device)}
        </p>
        <Field label={`${words.alerts.note} (${words.common.optional})`}>
          {(ids) => (
            <textarea {...ids} name="note" rows={3} maxLength={1000} value={note} onInput={(event) => setNote(event.currentTarget.value)} />
          )}
        </Field>
        {error !== null && <Failure error={error} />}
        <div class="dialog-actions">
          <button type="button" onClick={onClose}>
            {words.common.cancel}
          </button>
          <button type="submit" class="primary" disabled={isBusy}>
            {words.alerts.acknowledge}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
