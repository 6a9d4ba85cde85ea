import { useState } from 'preact/hooks';
import { useServices } from '../../app/services';
import { text } from '../../text/text';
import { dateTime } from '../../text/times';
import { ConfirmDialog } from '../../ui/confirm_dialog';
import { CopyButton } from '../../ui/copy_button';
import { Dialog } from '../../ui/dialog';
import { Field } from '../../ui/field';
import { useLoaded } from '../../ui/use_loaded';
import { Failure, Loading } from '../../ui/views';
import type { ApiToken, User } from '../../wire/objects';

const scopes = ['read', 'command', 'ingest', 'admin'];

/** One's own API tokens; an admin's list has everybody's. */
export function Tokens({ me }: { me: User }) {
  const services = useServices();
  const words = text.value;
  const account = words.access.account;
  const { value, error, reload } = useLoaded(() => services.rest.tokens());
  const [isAdding, add] = useState(false);
  const [revoking, revoke] = useState<ApiToken | null>(null);
  const done = () => {
    add(false);
    revoke(null);
    reload();
  };
  return (
    <section class="card">
      <div class="page-head">
        <h2>{account.tokens}</h2>
        <div class="tools">
          <button type="button" data-action="new-token" onClick={() => add(true)}>
            {account.addToken}
          </button>
        </div>
      </div>
      <p class="muted">{account.tokensText}</p>
      {error !== null && <Failure error={error} retry={reload} />}
      {!value ? (
        error === null && <Loading rows={2} />
      ) : value.length === 0 ? (
        <p class="muted">{account.noTokens}</p>
      ) : (
        <ul class="alert-list">
          {value.map((token) => (
            <li key={token.id} class="alert" data-token={token.name}>
              <div class="alert-what">
                <p>
                  <strong>{token.name}</strong> {token.user !== me.name && <span class="muted">{account.of(token.user)}</span>}
                </p>
                <p class="muted small">
                  {token.scopes.join(', ')} · {token.expires_at ? words.access.users.until(dateTime(token.expires_at, words.locale)) : account.forever} ·{' '}
                  {account.lastUsed}: {token.last_used ? dateTime(token.last_used, words.locale) : words.common.never}
                </p>
              </div>
              <div class="alert-actions">
                <button type="button" data-action="revoke" onClick={() => revoke(token)}>
                  {account.revoke}
                </button>
              </div>
            </li>
          ))}
        </ul>
      )}
      {isAdding && <TokenDialog onClose={done} />}
      {revoking && (
        <ConfirmDialog
          title={account.revokeTitle}
          body={account.revokeText(revoking.name)}
          action={account.revoke}
          onConfirm={() => services.rest.revokeToken(revoking.id)}
          onDone={done}
          onClose={() => revoke(null)}
        />
      )}
    </section>
  );
}

function TokenDialog({ onClose }: { onClose: () => void }) {
  const services = useServices();
  const words = text.value;
  const account = words.access.account;
  const [name, setName] = useState('');
  const [chosen, setChosen] = useState<string[]>(['read']);
  const [ttl, setTtl] = useState('30d');
  const [token, setToken] = useState('');
  const [isTried, setTried] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const submit = async (event: Event) => {
    event.preventDefault();
    setTried(true);
    if (!name.trim() || chosen.length === 0) return;
    setError(null);
    try {
      const made = await services.rest.createToken({ name: name.trim(), scopes: chosen, ...(ttl ? { ttl } : {}) });
      setToken(made.token);
    } catch (caught) {
      setError(caught);
    }
  };
  if (token) {
    return (
      <Dialog title={account.addToken} onClose={onClose}>
        <p>{account.tokenReady}</p>
        <div class="command-line">
          <pre tabIndex={0} data-field="token">
            {token}
          </pre>
          <CopyButton value={token} />
        </div>
        <div class="dialog-actions">
          <button type="button" data-action="done" onClick={onClose}>
            {words.common.close}
          </button>
        </div>
      </Dialog>
    );
  }
  return (
    <Dialog title={account.addToken} onClose={onClose}>
      <form onSubmit={(event) => void submit(event)} noValidate>
        <Field label={account.tokenName} help={account.tokenNameHelp} fault={isTried && !name.trim() ? words.fieldFault.required : null}>
          {(ids) => <input {...ids} name="token-name" value={name} autoComplete="off" onInput={(event) => setName(event.currentTarget.value)} />}
        </Field>
        <fieldset class="checks">
          <legend>{account.scopes}</legend>
          {scopes.map((scope) => (
            <label key={scope}>
              <input
                type="checkbox"
                name="scope"
                value={scope}
                checked={chosen.includes(scope)}
                onChange={(event) =>
                  setChosen(event.currentTarget.checked ? [...chosen, scope] : chosen.filter((one) => one !== scope))
                }
              />
              <span>{account.scope[scope]}</span>
            </label>
          ))}
          {isTried && chosen.length === 0 && (
            <p class="fault" role="alert">
              {account.scopeFault}
            </p>
          )}
        </fieldset>
        <Field label={account.ttl}>
          {(ids) => (
            <select {...ids} name="ttl" value={ttl} onChange={(event) => setTtl(event.currentTarget.value)}>
              <option value="1d">{words.access.users.day1}</option>
              <option value="30d">{words.access.users.days30}</option>
              <option value="">{account.forever}</option>
            </select>
          )}
        </Field>
        {error !== null && <Failure error={error} />}
        <div class="dialog-actions">
          <button type="button" onClick={onClose}>
            {words.common.cancel}
          </button>
          <button type="submit" class="primary">
            {words.common.create}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
