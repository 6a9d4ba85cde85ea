import { useState } from 'preact/hooks';
import { useServices } from '../../app/services';
import { useTitle } from '../../app/title';
import { text } from '../../text/text';
import { fullTime } from '../../text/times';
import { Field } from '../../ui/field';
import { NoPermission } from '../../ui/no_permission';
import { useLoaded } from '../../ui/use_loaded';
import { Empty, Failure, Loading } from '../../ui/views';
import { mayAct } from '../../wire/rest_client';
import { AccessTabs } from './access_tabs';

const pageSize = 50;
const exportedAtMost = 10_000;
type Filter = Record<'actor' | 'action' | 'object', string>;

function queryOf(filter: Filter, more: Record<string, string>): string {
  const query = new URLSearchParams(more);
  for (const [name, value] of Object.entries(filter)) {
    if (value.trim()) query.set(name, value.trim());
  }
  return query.toString();
}

export function AuditPage() {
  const services = useServices();
  useTitle(text.value.access.tabs.audit);
  const user = services.user;
  if (!user || !mayAct(user, 'admin')) return <NoPermission role={user?.role} />;
  return <Trail />;
}

function Trail() {
  const services = useServices();
  const words = text.value;
  const [typed, setTyped] = useState<Filter>({ actor: '', action: '', object: '' });
  const [filter, setFilter] = useState(typed);
  const [before, setBefore] = useState('');
  const [exportError, setExportError] = useState<unknown>(null);
  const { value, error, reload } = useLoaded(
    () => services.rest.audit(queryOf(filter, { limit: String(pageSize), ...(before ? { before } : {}) })),
    [filter, before],
  );
  const apply = (event: Event) => {
    event.preventDefault();
    setBefore('');
    setFilter({ ...typed });
  };
  const save = async () => {
    setExportError(null);
    try {
      const link = document.createElement('a');
      link.href = URL.createObjectURL(await services.rest.auditCsv(queryOf(filter, { limit: String(exportedAtMost) })));
      link.download = 'audit.csv';
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    } catch (caught) {
      setExportError(caught);
    }
  };
  const failure = error ?? exportError;
  return (
    <div class="page">
      <div class="page-head">
        <h1>{words.access.nav}</h1>
        <div class="tools">
          <button type="button" data-action="export" onClick={() => void save()}>
            {words.access.audit.exportCsv}
          </button>
        </div>
      </div>
      <AccessTabs here="audit" />
      <form class="field-row" onSubmit={apply} noValidate>
        {(['actor', 'action', 'object'] as const).map((name) => (
          <Field key={name} label={words.access.audit[name]}>
            {(ids) => (
              <input
                {...ids}
                name={name}
                value={typed[name]}
                autoComplete="off"
                onInput={(event) => setTyped({ ...typed, [name]: event.currentTarget.value })}
              />
            )}
          </Field>
        ))}
        <button type="submit">{words.access.audit.filter}</button>
      </form>
      {failure !== null && <Failure error={failure} retry={reload} />}
      {!value ? (
        error === null && <Loading />
      ) : value.entries.length === 0 ? (
        <Empty icon="table" title={words.access.audit.emptyTitle} />
      ) : (
        <div class="wide-table">
          <table class="list">
            <thead>
              <tr>
                <th scope="col">{words.access.audit.time}</th>
                <th scope="col">{words.access.audit.actor}</th>
                <th scope="col">{words.access.audit.action}</th>
                <th scope="col">{words.access.audit.object}</th>
                <th scope="col">{words.access.audit.status}</th>
                <th scope="col">{words.access.audit.address}</th>
              </tr>
            </thead>
            <tbody>
              {value.entries.map((entry) => (
                <tr key={entry.sequence} data-sequence={entry.sequence} title={entry.detail}>
                  <td class="small">{fullTime(entry.time, words.locale)}</td>
                  <td>{entry.actor}</td>
                  <td>
                    <code>{entry.action}</code>
                  </td>
                  <td>{entry.object}</td>
                  <td>{entry.status || ''}</td>
                  <td class="muted small">{entry.address}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <div class="dialog-actions">
        {before && (
          <button type="button" onClick={() => setBefore('')}>
            {words.access.audit.newest}
          </button>
        )}
        {value?.next && (
          <button type="button" data-action="older" onClick={() => setBefore(String(value.next))}>
            {words.access.audit.older}
          </button>
        )}
      </div>
    </div>
  );
}
