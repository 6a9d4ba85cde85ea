import { useState } from 'preact/hooks';
import { Preferences } from '../../app/shell';
import { useServices } from '../../app/services';
import { useTitle } from '../../app/title';
import { text } from '../../text/text';
import { Field } from '../../ui/field';
import { Icon } from '../../ui/icons';
import { useLoaded } from '../../ui/use_loaded';
import { Failure, Loading } from '../../ui/views';
import { Problem } from '../../wire/problem';

/** For somebody who has a link and no user yet. */
export function InvitationPage({ token, onDone }: { token: string; onDone: () => void }) {
  const services = useServices();
  const words = text.value;
  useTitle(words.access.invitation.title);
  const look = useLoaded(() => services.rest.lookAtInvitation(token), [token]);
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  const [isTried, setTried] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const submit = async (event: Event) => {
    event.preventDefault();
    setTried(true);
    if (!username.trim() || password.length < 8) return;
    setBusy(true);
    setError(null);
    try {
      const user = await services.rest.acceptInvitation(token, username.trim(), password);
      onDone();
      services.signedIn(user);
    } catch (caught) {
      setError(caught);
      setBusy(false);
    }
  };
  const failed = error ?? look.error;
  const isGone = failed instanceof Problem && (failed.status === 410 || failed.status === 404);
  const isTaken = error instanceof Problem && error.status === 409;
  return (
    <main class="gate">
      <div class="gate-card">
        <h1>
          <Icon name="wave" />
          {words.access.invitation.title}
        </h1>
        {isGone ? (
          <p class="notice" role="alert" data-view="gone">
            {words.access.invitation.gone}
          </p>
        ) : !look.value ? (
          look.error !== null ? <Failure error={look.error} retry={look.reload} /> : <Loading rows={2} />
        ) : (
          <form onSubmit={(event) => void submit(event)} noValidate>
            <p>{words.access.invitation.lead(look.value.invited_by, words.role[look.value.role])}</p>
            <Field
              label={words.signIn.username}
              fault={isTaken ? words.access.invitation.taken : isTried && !username.trim() ? words.fieldFault.required : null}
            >
              {(ids) => (
                <input
                  {...ids}
                  name="username"
                  value={username}
                  autoComplete="username"
                  autoCapitalize="off"
                  spellcheck={false}
                  onInput={(event) => setUsername(event.currentTarget.value)}
                />
              )}
            </Field>
            <Field label={words.signIn.password} help={words.setup.passwordHelp} fault={isTried && password.length < 8 ? words.setup.tooShort : null}>
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
            {error !== null && !isTaken && <Failure error={error} />}
            <button type="submit" class="primary wide" disabled={isBusy}>
              {words.access.invitation.submit}
            </button>
          </form>
        )}
      </div>
      <div class="gate-preferences">
        <Preferences />
      </div>
    </main>
  );
}
