import { useState } from 'preact/hooks';
import { useServices } from '../../app/services';
import { useTitle } from '../../app/title';
import { text } from '../../text/text';
import { Field } from '../../ui/field';
import { Failure } from '../../ui/views';
import { Problem } from '../../wire/problem';
import { Tokens } from './tokens';

export function AccountPage() {
  const services = useServices();
  const words = text.value;
  useTitle(words.access.account.title);
  const user = services.user;
  if (!user) return null;
  return (
    <div class="page narrow">
      <div class="page-head">
        <h1>{words.access.account.title}</h1>
      </div>
      <p>
        <strong>{user.name}</strong> <span class="muted">{words.role[user.role]}: {words.access.roleHelp[user.role]}</span>
      </p>
      <ChangePassword name={user.name} />
      <Tokens me={user} />
    </div>
  );
}

function ChangePassword({ name }: { name: string }) {
  const services = useServices();
  const words = text.value;
  const [old, setOld] = useState('');
  const [fresh, setFresh] = useState('');
  const [isTried, setTried] = useState(false);
  const [isDone, setDone] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const submit = async (event: Event) => {
    event.preventDefault();
    setTried(true);
    setDone(false);
    if (!old || fresh.length < 8) return;
    setError(null);
    try {
      await services.rest.changePassword(old, fresh);
      setOld('');
      setFresh('');
      setTried(false);
      setDone(true);
    } catch (caught) {
      setError(caught);
    }
  };
  const isWrong = error instanceof Problem && error.status === 403;
  const account = words.access.account;
  return (
    <form class="card" data-form="password" onSubmit={(event) => void submit(event)} noValidate>
      <h2>{account.passwordTitle}</h2>
      <input type="hidden" name="username" value={name} autoComplete="username" />
      <Field label={account.oldPassword} fault={isWrong ? account.wrongOld : isTried && !old ? words.fieldFault.required : null}>
        {(ids) => (
          <input
            {...ids}
            name="old"
            type="password"
            value={old}
            autoComplete="current-password"
            onInput={(event) => setOld(event.currentTarget.value)}
          />
        )}
      </Field>
      <Field label={account.newPassword} help={account.passwordHelp} fault={isTried && fresh.length < 8 ? account.tooShort : null}>
        {(ids) => (
          <input
            {...ids}
            name="new"
            type="password"
            value={fresh}
            autoComplete="new-password"
            onInput={(event) => setFresh(event.currentTarget.value)}
          />
        )}
      </Field>
      {error !== null && !isWrong && <Failure error={error} />}
      {isDone && (
        <p role="status" data-view="done">
          {account.changed}
        </p>
      )}
      <button type="submit" class="primary">
        {account.submit}
      </button>
    </form>
  );
}
