import { useEffect, useState } from 'preact/hooks';
import { useServices } from '../../app/services';
import { useTitle } from '../../app/title';
import { formatNumber } from '../../state/units';
import { text } from '../../text/text';
import { SeverityBadge } from '../../ui/badges';
import { Dialog } from '../../ui/dialog';
import { Icon } from '../../ui/icons';
import { Empty, Failure, Loading } from '../../ui/views';
import type { Rule } from '../../wire/objects';
import { mayAct } from '../../wire/rest_client';
import { AlertTabs } from './alert_tabs';
import { RuleEditor } from './rule_editor';

type Open = { kind: 'editor'; rule: Rule | null } | { kind: 'remove'; rule: Rule } | null;

export function RulesPage() {
  const services = useServices();
  const words = text.value;
  useTitle(words.alerts.rules);
  void services.alertsRevision.value;
  const [rules, setRules] = useState<Rule[] | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [open, setOpen] = useState<Open>(null);
  const load = () => {
    services.rest
      .rules()
      .then((loaded) => {
        setRules(loaded);
        setError(null);
      })
      .catch(setError);
  };
  useEffect(load, []);
  const user = services.user;
  const mayEdit = user !== null && mayAct(user, 'operator');
  const done = () => {
    setOpen(null);
    load();
  };
  return (
    <div class="page">
      <div class="page-head">
        <h1>{words.alerts.title}</h1>
        {mayEdit && (
          <div class="tools">
            <button type="button" class="primary" data-action="new-rule" onClick={() => setOpen({ kind: 'editor', rule: null })}>
              <Icon name="plus" />
              {words.rules.add}
            </button>
          </div>
        )}
      </div>
      <AlertTabs here="rules" firing={services.alerts.firingCount} />
      {error !== null && <Failure error={error} retry={load} />}
      {!rules ? (
        error === null && <Loading />
      ) : rules.length === 0 ? (
        <Empty icon="bell" title={words.rules.emptyTitle}>
          <p class="muted">{words.rules.emptyText}</p>
        </Empty>
      ) : (
        <ul class="alert-list">
          {rules.map((rule) => (
            <li key={rule.id} class="alert" data-rule={rule.name}>
              <SeverityBadge severity={rule.severity} />
              <div class="alert-what">
                <p class="alert-title">
                  <strong>{rule.name}</strong>
                </p>
                <p class="muted small">{sentence(rule)}</p>
              </div>
              <p class="alert-when muted small">
                {rule.scope?.devices?.length
                  ? rule.scope.devices.map((id) => services.fleet.name(id)).join(', ')
                  : words.rules.allDevices}
              </p>
              {mayEdit && (
                <div class="alert-actions">
                  <button type="button" onClick={() => setOpen({ kind: 'editor', rule })}>
                    <Icon name="pencil" />
                    {words.common.edit}
                  </button>
                  <button type="button" onClick={() => setOpen({ kind: 'remove', rule })}>
                    <Icon name="trash" />
                    {words.common.remove}
                  </button>
                </div>
              )}
            </li>
          ))}
        </ul>
      )}
      {open?.kind === 'editor' && <RuleEditor rule={open.rule} onSaved={done} onClose={() => setOpen(null)} />}
      {open?.kind === 'remove' && <RemoveDialog rule={open.rule} onRemoved={done} onClose={() => setOpen(null)} />}
    </div>
  );
}

function sentence(rule: Rule): string {
  const words = text.value.rules;
  const { locale } = text.value;
  const isAbove = rule.condition.above !== undefined;
  const threshold = (isAbove ? rule.condition.above : rule.condition.below) ?? 0;
  const said = words.sentence(
    rule.condition.series,
    isAbove ? words.above : words.below,
    formatNumber(threshold, locale),
    rule.for,
  );
  return rule.clear !== undefined && rule.clear !== threshold
    ? `${said}, ${words.clearsAt(formatNumber(rule.clear, locale))}`
    : said;
}

function RemoveDialog({ rule, onRemoved, onClose }: { rule: Rule; onRemoved: () => void; onClose: () => void }) {
  const services = useServices();
  const words = text.value;
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const remove = async () => {
    setBusy(true);
    setError(null);
    try {
      const { etag } = await services.rest.rule(rule.id);
      await services.rest.removeRule(rule.id, etag);
      onRemoved();
    } catch (caught) {
      setError(caught);
      setBusy(false);
    }
  };
  return (
    <Dialog title={words.rules.removeTitle} onClose={onClose}>
      <p>{words.rules.removeText(rule.name)}</p>
      {error !== null && <Failure error={error} />}
      <div class="dialog-actions">
        <button type="button" onClick={onClose}>
          {words.common.cancel}
        </button>
        <button type="button" class="danger" disabled={isBusy} onClick={() => void remove()}>
          {words.common.remove}
        </button>
      </div>
    </Dialog>
  );
}
