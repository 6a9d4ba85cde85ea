import { useState } from 'preact/hooks';
import { Preferences } from '../../app/shell';
import { useServices } from '../../app/services';
import { useTitle } from '../../app/title';
import { text } from '../../text/text';
import { Field } from '../../ui/field';
import { Icon } from '../../ui/icons';
import { Failure } from '../../ui/views';
import { Problem } from '../../wire/problem';

/** Stands in the place of whatever page was asked for: signing in shows that page. */
export function SignInPage({ expired }: { expired: boolean }) {
  const services = useServices();
  const words = text.value;
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  const [isTried, setTried] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  useTitle(words.signIn.title);

  const submit = async (event: Event) => {
    event.preventDefault();
    setTried(true);
    if (!username.trim() || !password) return;
    setBusy(true);
    setError(null);
    try {
      services.signedIn(await services.rest.signIn(username.trim(), password));
    } catch (caught) {
      setError(caught);
      setBusy(false);
      setPassword('');
    }
  };
  const isWrong = error instanceof Problem && error.status === 401;
  return (
    <main class="gate">
      <div class="gate-card">
        <h1>
          <Icon name="wave" />
          {words.product}
        </h1>
        {expired && error === null && (
          <p class="notice" role="status">
            {words.error.signedOut}
          </p>
        )}
        <form onSubmit={(event) => void submit(event)} noValidate>
          <Field label={words.signIn.username} fault={isTried && !username.trim() ? words.fieldFault.required : null}>
            {(ids) => (
              <input
                {...ids}
                name="username"
                value={username}
                autoComplete="username"
                autoCapitalize="off"
                spellcheck={false}
                autofocus
                onInput={(event) => setUsername(event.currentTarget.value)}
              />
            )}
          </Field>
          <Field label={words.signIn.password} fault={isWrong ? words.signIn.wrong : isTried && !password && !isBusy ? words.fieldFault.required : null}>
            {(ids) => (
              <input
                {...ids}
                name="password"
                type="password"
                value={password}
                autoComplete="current-password"
                onInput={(event) => setPassword(event.currentTarget.value)}
              />
            )}
          </Field>
          {error !== null && !isWrong && <Failure error={error} />}
          <button type="submit" class="primary wide" disabled={isBusy}>
            {words.signIn.submit}
          </button>
        </form>
      </div>
      <div class="gate-preferences">
        <Preferences />
      </div>
    </main>
  );
}
