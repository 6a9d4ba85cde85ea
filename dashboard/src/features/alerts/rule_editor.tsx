import { useEffect, useState } from 'preact/hooks';
import { useServices } from '../../app/services';
import { bodyOf, draftOf, emptyDraft, type RuleDraft, type RuleFaults } from '../../state/rule_draft';
import { text } from '../../text/text';
import { Dialog } from '../../ui/dialog';
import { Field } from '../../ui/field';
import { Failure, Loading } from '../../ui/views';
import type { Rule, Severity } from '../../wire/objects';
import { Problem } from '../../wire/problem';

const devicesToAsk = 5; // whose series names are offered
const severities: Severity[] = ['info', 'warning', 'critical'];

/** Makes or changes a threshold rule. A change is saved only over the version that was read (ETag). */
export function RuleEditor({ rule, onSaved, onClose }: { rule: Rule | null; onSaved: () => void; onClose: () => void }) {
  const services = useServices();
  const words = text.value;
  const [draft, setDraft] = useState<RuleDraft | null>(rule ? null : emptyDraft);
  const [etag, setEtag] = useState<string | null>(null);
  const [faults, setFaults] = useState<RuleFaults>({});
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const offered = useSeriesNames(draft?.devices ?? []);
  const devices = services.fleet.list();

  useEffect(() => {
    if (!rule) return;
    services.rest
      .rule(rule.id)
      .then((read) => {
        setDraft(draftOf(read.rule));
        setEtag(read.etag);
      })
      .catch(setError);
  }, [rule?.id]);

  const submit = async (event: Event) => {
    event.preventDefault();
    if (!draft) return;
    const read = bodyOf(draft);
    if ('faults' in read) {
      setFaults(read.faults);
      return;
    }
    setFaults({});
    setBusy(true);
    setError(null);
    try {
      if (rule) await services.rest.updateRule(rule.id, read.body, etag);
      else await services.rest.createRule(read.body);
      onSaved();
    } catch (caught) {
      setError(caught);
      setBusy(false);
    }
  };
  const set = (change: Partial<RuleDraft>) => draft && setDraft({ ...draft, ...change });
  const fault = (field: keyof RuleFaults) => (faults[field] ? words.fieldFault[faults[field]!] : null);
  const isOutdated = rule !== null && error instanceof Problem && error.status === 412;
  return (
    <Dialog title={rule ? words.rules.editTitle : words.rules.add} onClose={onClose}>
      {!draft ? (
        error !== null ? (
          <Failure error={error} />
        ) : (
          <Loading rows={5} />
        )
      ) : (
        <form onSubmit={(event) => void submit(event)} noValidate class="rule-form">
          <Field label={words.rules.name} fault={fault('name')}>
            {(ids) => (
              <input {...ids} name="name" value={draft.name} maxLength={100} onInput={(event) => set({ name: event.currentTarget.value })} />
            )}
          </Field>
          <Field label={words.rules.series} help={words.rules.seriesHelp} fault={fault('series')}>
            {(ids) => (
              <>
                <input
                  {...ids}
                  name="series"
                  class="mono"
                  list="rule-series"
                  value={draft.series}
                  autoComplete="off"
                  spellcheck={false}
                  onInput={(event) => set({ series: event.currentTarget.value })}
                />
                <datalist id="rule-series">
                  {offered.map((name) => (
                    <option key={name} value={name} />
                  ))}
                </datalist>
              </>
            )}
          </Field>
          <div class="field-row">
            <Field label={words.rules.comparison}>
              {(ids) => (
                <select
                  {...ids}
                  name="comparison"
                  value={draft.comparison}
                  onChange={(event) => set({ comparison: event.currentTarget.value as 'above' | 'below' })}
                >
                  <option value="above">{words.rules.above}</option>
                  <option value="below">{words.rules.below}</option>
                </select>
              )}
            </Field>
            <Field label={words.rules.threshold} fault={fault('threshold')}>
              {(ids) => (
                <input
                  {...ids}
                  name="threshold"
                  inputMode="decimal"
                  value={draft.threshold}
                  onInput={(event) => set({ threshold: event.currentTarget.value })}
                />
              )}
            </Field>
            <Field label={words.rules.clear} help={words.rules.clearHelp} fault={fault('clear')}>
              {(ids) => (
                <input
                  {...ids}
                  name="clear"
                  inputMode="decimal"
                  value={draft.clear}
                  onInput={(event) => set({ clear: event.currentTarget.value })}
                />
              )}
            </Field>
          </div>
          <div class="field-row">
            <Field label={words.rules.hold} help={words.rules.holdHelp} fault={fault('hold')}>
              {(ids) => (
                <input {...ids} name="for" value={draft.hold} onInput={(event) => set({ hold: event.currentTarget.value })} />
              )}
            </Field>
            <Field label={words.rules.severity}>
              {(ids) => (
                <select
                  {...ids}
                  name="severity"
                  value={draft.severity}
                  onChange={(event) => set({ severity: event.currentTarget.value as Severity })}
                >
                  {severities.map((one) => (
                    <option key={one} value={one}>
                      {words.severity[one]}
                    </option>
                  ))}
                </select>
              )}
            </Field>
          </div>
          <fieldset class="scope">
            <legend>{words.rules.scope}</legend>
            <label>
              <input type="checkbox" checked={draft.devices.length === 0} onChange={() => set({ devices: [] })} />
              {words.rules.allDevices}
            </label>
            {devices.map((device) => (
              <label key={device.id}>
                <input
                  type="checkbox"
                  checked={draft.devices.includes(device.id)}
                  onChange={(event) =>
                    set({
                      devices: event.currentTarget.checked
                        ? [...draft.devices, device.id]
                        : draft.devices.filter((id) => id !== device.id),
                    })
                  }
                />
                {device.name}
              </label>
            ))}
          </fieldset>
          {isOutdated ? (
            <p class="fault" role="alert">
              {words.rules.changed}
            </p>
          ) : (
            error !== null && <Failure error={error} />
          )}
          <div class="dialog-actions">
            <button type="button" onClick={onClose}>
              {words.common.cancel}
            </button>
            <button type="submit" class="primary" disabled={isBusy}>
              {rule ? words.common.save : words.common.create}
            </button>
          </div>
        </form>
      )}
    </Dialog>
  );
}

/** Names to choose from: what the scoped devices (or a few of the fleet) have that a threshold can watch. */
function useSeriesNames(scope: readonly string[]): string[] {
  const services = useServices();
  const [names, setNames] = useState<string[]>([]);
  const asked = (scope.length > 0 ? scope : services.fleet.list().map((device) => device.id)).slice(0, devicesToAsk);
  useEffect(() => {
    let isCurrent = true;
    Promise.all(asked.map((id) => services.rest.series(id).catch(() => [])))
      .then((lists) => {
        if (!isCurrent) return;
        const found = lists.flat().filter((series) => series.type === 'number' || series.type === 'boolean');
        setNames([...new Set(found.map((series) => series.name))].sort());
      })
      .catch(() => {});
    return () => {
      isCurrent = false;
    };
  }, [asked.join()]);
  return names;
}
