import { useState } from 'preact/hooks';
import { useServices } from '../../app/services';
import { text } from '../../text/text';
import { CopyButton } from '../../ui/copy_button';
import { Dialog } from '../../ui/dialog';
import { Field } from '../../ui/field';
import { Failure } from '../../ui/views';
import type { Person } from '../../wire/objects';
import { readGroups, RightsForm, type Rights } from './rights_form';

/** Makes the link; closing reloads the list of open invitations. */
export function InviteDialog({ onClose }: { onClose: () => void }) {
  const services = useServices();
  const words = text.value;
  const [rights, setRights] = useState<Rights>({ role: 'viewer', groups: '' });
  const [ttl, setTtl] = useState('3d');
  const [url, setUrl] = useState('');
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      setUrl((await services.rest.invite(rights.role, readGroups(rights.groups), ttl)).url);
    } catch (caught) {
      setError(caught);
    }
    setBusy(false);
  };
  return (
    <Dialog title={words.access.users.inviteTitle} onClose={onClose}>
      {url ? (
        <>
          <p>{words.access.users.inviteReady}</p>
          <div class="command-line">
            <pre tabIndex={0} data-field="invitation">
              {url}
            </pre>
            <CopyButton value={url} />
          </div>
          <div class="dialog-actions">
            <button type="button" onClick={onClose}>
              {words.common.close}
            </button>
          </div>
        </>
      ) : (
        <form onSubmit={(event) => void submit(event)} noValidate>
          <p class="muted">{words.access.users.inviteText}</p>
          <RightsForm rights={rights} onChange={setRights} />
          <Field label={words.access.users.expires}>
            {(ids) => (
              <select {...ids} name="ttl" value={ttl} onChange={(event) => setTtl(event.currentTarget.value)}>
                <option value="1d">{words.access.users.day1}</option>
                <option value="3d">{words.access.users.days3}</option>
                <option value="30d">{words.access.users.days30}</option>
              </select>
            )}
          </Field>
          {error !== null && <Failure error={error} />}
          <div class="dialog-actions">
            <button type="button" onClick={onClose}>
              {words.common.cancel}
            </button>
            <button type="submit" class="primary" disabled={isBusy}>
              {words.access.users.invite}
            </button>
          </div>
        </form>
      )}
    </Dialog>
  );
}

export function RightsDialog({ person, onDone, onClose }: { person: Person; onDone: () => void; onClose: () => void }) {
  const services = useServices();
  const words = text.value;
  const [rights, setRights] = useState<Rights>({ role: person.role, groups: person.groups.join(', ') });
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await services.rest.changeRights(person.name, rights.role, readGroups(rights.groups));
      onDone();
    } catch (caught) {
      setError(caught);
      setBusy(false);
    }
  };
  return (
    <Dialog title={words.access.users.editTitle(person.name)} onClose={onClose}>
      <form onSubmit={(event) => void submit(event)} noValidate>
        <RightsForm rights={rights} onChange={setRights} />
        {error !== null && <Failure error={error} />}
        <div class="dialog-actions">
          <button type="button" onClick={onClose}>
            {words.common.cancel}
          </button>
          <button type="submit" class="primary" disabled={isBusy}>
            {words.common.save}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

export function PasswordDialog({ person, onDone, onClose }: { person: Person; onDone: () => void; onClose: () => void }) {
  const services = useServices();
  const words = text.value;
  const [password, setPassword] = useState('');
  const [isTried, setTried] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const isShort = password.length < 8;
  const submit = async (event: Event) => {
    event.preventDefault();
    setTried(true);
    if (isShort) return;
    setError(null);
    try {
      await services.rest.givePassword(person.name, password);
      onDone();
    } catch (caught) {
      setError(caught);
    }
  };
  return (
    <Dialog title={words.access.users.passwordTitle(person.name)} onClose={onClose}>
      <form onSubmit={(event) => void submit(event)} noValidate>
        <p class="muted">{words.access.users.passwordText}</p>
        <Field label={words.access.users.password} fault={isTried && isShort ? words.access.account.tooShort : null}>
          {(ids) => (
            <input
              {...ids}
              name="password"
              type="password"
              value={password}
              autoComplete="new-password"
              onInput={(event) => setPassword(event.currentTarget.value)}
            />
          )}
        </Field>
        {error !== null && <Failure error={error} />}
        <div class="dialog-actions">
          <button type="button" onClick={onClose}>
            {words.common.cancel}
          </button>
          <button type="submit" class="primary">
            {words.common.save}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
