import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Link, useLocation } from 'wouter-preact';
import { catalogues, chooseLanguage, language, text, type Language } from '../text/text';
import { clockTime } from '../text/times';
import { Icon, type IconName } from '../ui/icons';
import { chooseTheme, theme, type Theme } from '../ui/theme';
import { useEvery } from '../ui/ticker';
import { KeysDialog, useShortcuts } from './shortcuts';
import { mayAct } from '../wire/rest_client';
import { useServices } from './services';

export function Shell({ children }: { children: ComponentChildren }) {
  const services = useServices();
  const words = text.value;
  const [path] = useLocation();
  const [isHelpShown, showHelp] = useState(false);
  useShortcuts(() => showHelp(true));
  void services.alertsRevision.value;
  const firing = services.alerts.firingCount;
  const isAdmin = services.user !== null && mayAct(services.user, 'admin');
  const item = (href: string, icon: IconName, label: string, isHere: boolean, badge?: ComponentChildren) => (
    <Link href={href} class="nav-item" aria-current={isHere ? 'page' : undefined}>
      <Icon name={icon} />
      <span>{label}</span>
      {badge}
    </Link>
  );
  return (
    <>
      <a class="skip" href="#content">
        {words.nav.skip}
      </a>
      <header class="top">
        <Link href="/" class="brand" aria-label={words.product}>
          <Icon name="wave" />
          <span>{words.product}</span>
        </Link>
        <nav aria-label={words.nav.label}>
          {item('/', 'fleet', words.nav.fleet, path === '/' || path.startsWith('/devices'))}
          {item(
            '/alerts',
            'bell',
            words.nav.alerts,
            path.startsWith('/alerts'),
            firing > 0 && (
              <span class="badge" data-firing={firing} title={words.nav.firing(firing)}>
                <span aria-hidden="true">{firing > 99 ? '99+' : firing}</span>
                <span class="hidden">{words.nav.firing(firing)}</span>
              </span>
            ),
          )}
          {isAdmin && item('/enrol', 'plus', words.nav.enrol, path.startsWith('/enrol'))}
          {isAdmin && item('/users', 'user', words.access.nav, /^\/(users|groups|audit)/.test(path))}
        </nav>
        <LinkPill />
        <Menu />
      </header>
      <main id="content" tabIndex={-1}>
        {children}
      </main>
      {isHelpShown && <KeysDialog onClose={() => showHelp(false)} />}
    </>
  );
}

/** Whether what is on the screen is live; else since when it is not. */
function LinkPill() {
  const services = useServices();
  useEvery(1000);
  const words = text.value;
  const status = services.link.value;
  if (status.kind === 'open') {
    const { lag } = services.live;
    const title = words.link.liveTitle(clockTime(services.clock.nowUs(), words.locale));
    const hubMs = Math.round(lag?.hubMs ?? 0);
    const wayMs = Math.round(lag?.wayMs ?? 0);
    return (
      <span class="link-pill link-open" role="status" title={lag ? `${title}\n${words.link.lag(hubMs, wayMs)}` : title}>
        <Icon name="online" />
        <span>{words.link.live}</span>
        {lag && (
          <span class="link-lag" aria-hidden="true">
            {hubMs + wayMs} ms
          </span>
        )}
      </span>
    );
  }
  if (status.kind === 'reconnecting' || status.kind === 'stopped') {
    const since = services.live.heardUs > 0 ? clockTime(services.live.heardUs, words.locale) : null;
    return (
      <span class="link-pill link-lost" role="status">
        <Icon name="warning" />
        <span>{status.kind === 'stopped' ? words.link.stopped(status.reason) : words.link.reconnecting(since)}</span>
        <button
          type="button"
          class="small-button"
          onClick={() => (status.kind === 'stopped' ? services.live.start() : services.live.retryNow())}
        >
          {words.link.retry}
        </button>
      </span>
    );
  }
  return (
    <span class="link-pill" role="status">
      <Icon name="clock" />
      <span>{words.link.connecting}</span>
    </span>
  );
}

function Menu() {
  const services = useServices();
  const words = text.value;
  const details = useRef<HTMLDetailsElement>(null);
  const [error, setError] = useState<unknown>(null);
  const user = services.user;
  useEffect(() => {
    const outside = (event: Event) => {
      if (details.current?.open && !details.current.contains(event.target as Node)) details.current.open = false;
    };
    const escape = (event: KeyboardEvent) => {
      if (event.key !== 'Escape' || !details.current?.open) return;
      details.current.open = false;
      details.current.querySelector('summary')?.focus();
    };
    document.addEventListener('pointerdown', outside);
    document.addEventListener('keydown', escape);
    return () => {
      document.removeEventListener('pointerdown', outside);
      document.removeEventListener('keydown', escape);
    };
  }, []);
  return (
    <details class="menu" ref={details}>
      <summary aria-label={words.menu.open}>
        <Icon name="user" />
        <span class="menu-name">{user?.name}</span>
      </summary>
      <div class="menu-body">
        <p class="menu-who">
          <strong>{user?.name}</strong> <span class="muted">{user && words.role[user.role]}</span>
        </p>
        <Preferences />
        <Link
          href="/account"
          class="button wide"
          onClick={() => {
            if (details.current) details.current.open = false;
          }}
        >
          {words.menu.account}
        </Link>
        <button
          type="button"
          class="wide"
          data-action="sign-out"
          onClick={() => {
            setError(null);
            services.signOut().catch(setError);
          }}
        >
          {words.menu.signOut}
        </button>
        {error !== null && <p class="fault">{words.error.title}</p>}
      </div>
    </details>
  );
}

export function Preferences() {
  const words = text.value;
  return (
    <>
      <fieldset class="segments">
        <legend>{words.menu.theme}</legend>
        {(['auto', 'light', 'dark'] as Theme[]).map((one) => (
          <label key={one}>
            <input type="radio" name="theme" value={one} checked={theme.value === one} onChange={() => chooseTheme(one)} />
            <span>{words.menu[one]}</span>
          </label>
        ))}
      </fieldset>
      <fieldset class="segments">
        <legend>{words.menu.language}</legend>
        {(Object.keys(catalogues) as Language[]).map((one) => (
          <label key={one}>
            <input
              type="radio"
              name="language"
              value={one}
              checked={language.value === one}
              onChange={() => chooseLanguage(one)}
            />
            <span lang={one}>{catalogues[one].languageName}</span>
          </label>
        ))}
      </fieldset>
    </>
  );
}

