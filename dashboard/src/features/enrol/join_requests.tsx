import { useEffect, useState } from 'preact/hooks';
import { useSearch } from 'wouter-preact';
import { useServices } from '../../app/services';
import { text } from '../../text/text';
import { duration } from '../../text/times';
import { useLoaded } from '../../ui/use_loaded';
import { Failure } from '../../ui/views';
import type { JoinRequest } from '../../wire/objects';

const lookEveryMs = 3000;

/** Devices that wait for approval; looked at again and again while the page is visible. */
export function JoinRequests() {
  const services = useServices();
  const words = text.value.access.requests;
  const wanted = new URLSearchParams(useSearch()).get('code')?.toUpperCase() ?? '';
  const { value, error, reload } = useLoaded(() => services.rest.joinRequests());
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) reload();
    }, lookEveryMs);
    return () => clearInterval(timer);
  }, []);
  const waiting = (value ?? []).slice().sort((a, b) => Number(b.code === wanted) - Number(a.code === wanted));
  const isMissing = wanted !== '' && value !== null && !waiting.some((one) => one.code === wanted);
  return (
    <section class="card" data-part="requests">
      <h2>{words.title}</h2>
      {error !== null && <Failure error={error} retry={reload} />}
      {isMissing && (
        <p class="notice" role="alert" data-view="no-such-code">
          {words.notFound(wanted)}
        </p>
      )}
      {waiting.length === 0 ? (
        !isMissing && <p class="muted">{words.none}</p>
      ) : (
        <>
          <p>
            <strong>{words.warning}</strong>
          </p>
          {waiting.map((request) => (
            <Request key={request.id} request={request} isWanted={request.code === wanted} onDecided={reload} />
          ))}
        </>
      )}
    </section>
  );
}

function Request({ request, isWanted, onDecided }: { request: JoinRequest; isWanted: boolean; onDecided: () => void }) {
  const services = useServices();
  const words = text.value;
  const [name, setName] = useState(request.name);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const decide = async (work: () => Promise<unknown>) => {
    setBusy(true);
    setError(null);
    try {
      await work();
      onDecided();
    } catch (caught) {
      setError(caught);
    }
    setBusy(false);
  };
  const about = [request.attributes['model'], request.attributes['hostname'], request.attributes['arch']].filter(Boolean).join(', ');
  return (
    <div class={isWanted ? 'join-request wanted' : 'join-request'} data-code={request.code} data-state={request.state}>
      <p class="join-code">{request.code}</p>
      <p class="muted small">
        {about} {words.access.requests.from(request.address)} · {duration(Math.max(0, request.expires_at - services.clock.nowUs()), words.locale)}
      </p>
      {request.state === 'approved' ? (
        <p role="status">{words.access.requests.approved(request.name)}</p>
      ) : (
        <form
          class="field-row"
          onSubmit={(event) => {
            event.preventDefault();
            void decide(() => services.rest.approve(request.id, name.trim()));
          }}
        >
          <label>
            {words.access.requests.name}{' '}
            <input name="device-name" value={name} autoComplete="off" onInput={(event) => setName(event.currentTarget.value)} />
          </label>
          <button type="submit" class="primary" data-action="approve" disabled={isBusy}>
            {words.access.requests.approve}
          </button>
          <button type="button" data-action="deny" disabled={isBusy} onClick={() => void decide(() => services.rest.deny(request.id))}>
            {words.access.requests.deny}
          </button>
        </form>
      )}
      {error !== null && <Failure error={error} />}
    </div>
  );
}
