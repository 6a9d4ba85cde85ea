import { Component, type ComponentChildren } from 'preact';
import { Link, Redirect, Route, Switch, useLocation } from 'wouter-preact';
import { useState } from 'preact/hooks';
import { AuditPage } from '../features/access/audit_page';
import { GroupsPage } from '../features/access/groups_page';
import { InvitationPage } from '../features/access/invitation_page';
import { UsersPage } from '../features/access/users_page';
import { AccountPage } from '../features/account/account_page';
import { AlertsPage } from '../features/alerts/alerts_page';
import { RulesPage } from '../features/alerts/rules_page';
import { DevicePage } from '../features/device/device_page';
import { EnrolPage } from '../features/enrol/enrol_page';
import { FleetPage } from '../features/fleet/fleet_page';
import { SetupPage } from '../features/setup/setup_page';
import { SignInPage } from '../features/sign-in/sign_in_page';
import { text } from '../text/text';
import { Empty, Failure, Loading } from '../ui/views';
import { Unreachable } from '../wire/problem';
import { useServices } from './services';
import { Shell } from './shell';

export function App() {
  const services = useServices();
  const session = services.session.value;
  // Behind '#', which no browser sends to any server; taken once, so that it does not stay in the address bar.
  const [invitation, setInvitation] = useState(takeInvitation);
  if (invitation && session.kind !== 'signed_in' && session.kind !== 'loading') {
    return <InvitationPage token={invitation} onDone={() => setInvitation('')} />;
  }
  switch (session.kind) {
    case 'loading':
      return <Loading />;
    case 'unreachable':
      return (
        <main class="gate">
          <Failure error={new Unreachable('')} retry={() => void services.begin()} />
        </main>
      );
    case 'setup':
      return <SetupPage />;
    case 'signed_out':
      return <SignInPage expired={session.expired} />;
    case 'signed_in':
      return (
        <Shell>
          <Pages />
        </Shell>
      );
  }
}

function takeInvitation(): string {
  const token = /^#\/invitation\/([\w-]+)$/.exec(location.hash)?.[1] ?? '';
  if (token) history.replaceState(null, '', location.pathname);
  return token;
}

function Pages() {
  const [path] = useLocation();
  return (
    <Fault key={path}>
      <Switch>
        <Route path="/" component={FleetPage} />
        <Route path="/devices/:name">{(parameters) => <DevicePage key={parameters.name} name={decoded(parameters.name)} />}</Route>
        <Route path="/alerts" component={AlertsPage} />
        <Route path="/alerts/rules" component={RulesPage} />
        <Route path="/enrol" component={EnrolPage} />
        <Route path="/users" component={UsersPage} />
        <Route path="/groups" component={GroupsPage} />
        <Route path="/audit" component={AuditPage} />
        <Route path="/account" component={AccountPage} />
        <Route path="/setup">
          <Redirect to="/" replace />
        </Route>
        <Route>
          <NoPage />
        </Route>
      </Switch>
    </Fault>
  );
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function NoPage() {
  const words = text.value.error;
  return (
    <Empty icon="unknown" title={words.noPage}>
      <Link href="/" class="button">
        {words.toFleet}
      </Link>
    </Empty>
  );
}

/** A page that throws says so, and the rest of the dashboard lives on. */
class Fault extends Component<{ children: ComponentChildren }, { error: unknown }> {
  override state: { error: unknown } = { error: null };
  static override getDerivedStateFromError(error: unknown) {
    return { error };
  }
  override componentDidCatch(error: unknown): void {
    console.error(error);
  }
  override render() {
    if (!this.state.error) return this.props.children;
    return <Failure error={this.state.error} retry={() => this.setState({ error: null })} />;
  }
}

