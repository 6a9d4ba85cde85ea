import { useLayoutEffect, useState } from 'preact/hooks';
import { useLocation } from 'wouter-preact';
import { Preferences } from '../../app/shell';
import { useServices } from '../../app/services';
import { useTitle } from '../../app/title';
import { text } from '../../text/text';
import { Field } from '../../ui/field';
import { Icon } from '../../ui/icons';
import { Failure } from '../../ui/views';
import { Problem } from '../../wire/problem';

const passwordAtLeast = 8; // characters, as the hub counts them

/** The code travels in the fragment: it reaches neither server logs nor Referer headers. */
function codeFromFragment(): string {
  return new URLSearchParams(location.hash.slice(1).replace(/^\/?setup\?/, '')).get('code') ?? '';
}

export function SetupPage() {
  const services = useServices();
  const words = text.value;
  const [, navigate] = useLocation();
  const [given] = useState(codeFromFragment);
  const [code, setCode] = useState(given);
  const [username, setUsername] = useState('admin');
  const [password, setPassword] = useState('');
  const [repeat, setRepeat] = useState('');
  const [isTried, setTried] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  useTitle(words.setup.title);
  useLayoutEffect(() => {
    // Out of the address bar and the history once read.
    if (location.hash) history.replaceState(history.state, '', location.pathname + location.search);
  }, []);

  const tooShort = [...password].length < passwordAtLeast;
  const differs = password !== repeat;
  const submit = async (event: Event) => {
    event.preventDefault();
    setTried(true);
    if (!code.trim() || !username.trim() || tooShort || differs) return;
    setBusy(true);
    setError(null);
    try {
      services.signedIn(await services.rest.setUp(code.trim(), username.trim(), password));
      navigate('/', { replace: true });
    } catch (caught) {
      setError(caught);
      setBusy(false);
      if (caught instanceof Problem && caught.status === 409) void services.begin();
    }
  };
  const wrongCode = error instanceof Problem && (error.status === 401 || error.status === 403);
  return (
    <main class="gate">
      <div class="gate-card">
        <h1>
          <Icon name="wave" />
          {words.setup.title}
        </h1>
        <p class="muted">{words.setup.lead}</p>
        <form onSubmit={(event) => void submit(event)} noValidate>
          <Field
            label={words.setup.code}
            help={given ? words.setup.codeFilled : undefined}
            fault={wrongCode ? words.setup.wrongCode : isTried && !code.trim() ? words.fieldFault.required : null}
          >
            {(ids) => (
              <input
                {...ids}
                class="mono"
                name="code"
                value={code}
                autoComplete="one-time-code"
                autoCapitalize="off"
                spellcheck={false}
                onInput={(event) => setCode(event.currentTarget.value)}
              />
            )}
          </Field>
          <Field label={words.setup.username} fault={isTried && !username.trim() ? words.fieldFault.required : null}>
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
          <Field
            label={words.setup.password}
            help={words.setup.passwordHelp}
            fault={isTried && tooShort ? words.setup.tooShort : null}
          >
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
          <Field label={words.setup.repeat} fault={isTried && !tooShort && differs ? words.setup.mismatch : null}>
            {(ids) => (
              <input
                {...ids}
                name="repeat"
                type="password"
                value={repeat}
                autoComplete="new-password"
                onInput={(event) => setRepeat(event.currentTarget.value)}
              />
            )}
          </Field>
          {error !== null && !wrongCode && <Failure error={error} />}
          <button type="submit" class="primary wide" disabled={isBusy}>
            {words.setup.submit}
          </button>
        </form>
      </div>
      <div class="gate-preferences">
        <Preferences />
      </div>
    </main>
  );
}
