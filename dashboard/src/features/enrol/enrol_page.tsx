import { useEffect, useRef, useState } from 'preact/hooks';
import { Link } from 'wouter-preact';
import { useServices } from '../../app/services';
import { useTitle } from '../../app/title';
import { readTags } from '../../state/tags';
import { text } from '../../text/text';
import { duration } from '../../text/times';
import { PresenceBadge } from '../../ui/badges';
import { CopyButton } from '../../ui/copy_button';
import { Field } from '../../ui/field';
import { Icon } from '../../ui/icons';
import { useEvery } from '../../ui/ticker';
import { NoPermission } from '../../ui/no_permission';
import { Failure } from '../../ui/views';
import type { Enrolment } from '../../wire/objects';
import { mayAct } from '../../wire/rest_client';
import { JoinRequests } from './join_requests';

export function EnrolPage() {
  const services = useServices();
  const words = text.value;
  useTitle(words.enrol.title);
  const [name, setName] = useState('');
  const [tags, setTags] = useState('');
  const [ttl, setTtl] = useState('15m');
  const [isTried, setTried] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [enrolment, setEnrolment] = useState<Enrolment | null>(null);
  const user = services.user;
  if (!user || !mayAct(user, 'admin')) return <NoPermission role={user?.role} />;

  const read = readTags(tags);
  const submit = async (event: Event) => {
    event.preventDefault();
    setTried(true);
    if (!read) return;
    setBusy(true);
    setError(null);
    try {
      setEnrolment(
        await services.rest.enrol({
          ...(name.trim() ? { name: name.trim() } : {}),
          ...(Object.keys(read).length > 0 ? { tags: read } : {}),
          ttl,
        }),
      );
    } catch (caught) {
      setError(caught);
    } finally {
      setBusy(false);
    }
  };
  return (
    <div class="page narrow">
      <div class="page-head">
        <h1>{words.enrol.title}</h1>
      </div>
      <JoinRequests />
      <p class="muted">{words.enrol.lead}</p>
      {enrolment ? (
        <Ready key={enrolment.id} enrolment={enrolment} onAgain={() => setEnrolment(null)} />
      ) : (
        <form class="card" onSubmit={(event) => void submit(event)} noValidate>
          <Field label={`${words.enrol.name} (${words.common.optional})`} help={words.enrol.nameHelp}>
            {(ids) => (
              <input
                {...ids}
                name="name"
                value={name}
                autoComplete="off"
                spellcheck={false}
                onInput={(event) => setName(event.currentTarget.value)}
              />
            )}
          </Field>
          <div class="field-row">
            <Field
              label={`${words.enrol.tags} (${words.common.optional})`}
              help={words.enrol.tagsHelp}
              fault={isTried && !read ? words.enrol.tagsFault : null}
            >
              {(ids) => (
                <input {...ids} name="tags" value={tags} autoComplete="off" onInput={(event) => setTags(event.currentTarget.value)} />
              )}
            </Field>
            <Field label={words.enrol.ttl}>
              {(ids) => (
                <select {...ids} name="ttl" value={ttl} onChange={(event) => setTtl(event.currentTarget.value)}>
                  <option value="15m">{words.enrol.minutes15}</option>
                  <option value="1h">{words.enrol.hour1}</option>
                  <option value="1d">{words.enrol.day1}</option>
                </select>
              )}
            </Field>
          </div>
          {error !== null && <Failure error={error} />}
          <button type="submit" class="primary" disabled={isBusy}>
            {words.enrol.submit}
          </button>
        </form>
      )}
    </div>
  );
}

function Ready({ enrolment, onAgain }: { enrolment: Enrolment; onAgain: () => void }) {
  const services = useServices();
  const words = text.value;
  useEvery(1000);
  void services.fleetRevision.value;
  // Whoever was not there when the token was made has come with it, as far as this page can tell.
  const before = useRef(new Set(services.fleet.list().map((device) => device.id)));
  const joined = services.fleet.list().filter((device) => !before.current.has(device.id));
  const left = enrolment.expires - services.clock.nowUs();
  const status = useRef<HTMLDivElement>(null);
  useEffect(() => status.current?.scrollIntoView({ block: 'nearest' }), [joined.length]);
  return (
    <div class="card">
      <h2>{words.enrol.command}</h2>
      <div class="command-line">
        <pre tabIndex={0} data-field="command">
          {enrolment.command}
        </pre>
        <CopyButton value={enrolment.command} />
      </div>
      <p class={left > 0 ? 'muted small' : 'fault'} role={left > 0 ? undefined : 'alert'}>
        {left > 0 ? words.enrol.expires(duration(left, words.locale)) : words.enrol.expired}
      </p>
      <div ref={status} class="enrol-status" role="status">
        {joined.length === 0 ? (
          <p class="muted">
            <Icon name="clock" /> {words.enrol.waiting}
          </p>
        ) : (
          joined.map((device) => (
            <p key={device.id}>
              <PresenceBadge presence={device.presence} /> {words.enrol.joined(device.name)}{' '}
              <Link href={`/devices/${encodeURIComponent(device.name)}`} class="button">
                {words.enrol.open}
              </Link>
            </p>
          ))
        )}
      </div>
      <button type="button" onClick={onAgain}>
        {words.enrol.again}
      </button>
    </div>
  );
}
