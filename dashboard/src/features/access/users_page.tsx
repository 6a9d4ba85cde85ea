import { useState } from 'preact/hooks';
import { useServices } from '../../app/services';
import { useTitle } from '../../app/title';
import { text } from '../../text/text';
import { dateTime } from '../../text/times';
import { ConfirmDialog } from '../../ui/confirm_dialog';
import { Icon } from '../../ui/icons';
import { NoPermission } from '../../ui/no_permission';
import { useLoaded } from '../../ui/use_loaded';
import { Failure, Loading } from '../../ui/views';
import type { Invitation, Person } from '../../wire/objects';
import { mayAct } from '../../wire/rest_client';
import { AccessTabs } from './access_tabs';
import { InviteDialog, PasswordDialog, RightsDialog } from './user_dialogs';

type Open = { kind: 'invite' } | { kind: 'rights' | 'password' | 'remove'; person: Person } | null;

export function saidGroups(person: { role: string; groups: string[] }): string {
  const words = text.value.access.users;
  if (person.role === 'admin' || person.groups.includes('*')) return words.everyDevice;
  return person.groups.length > 0 ? person.groups.join(', ') : words.noDevice;
}

export function UsersPage() {
  const services = useServices();
  const words = text.value;
  useTitle(words.access.tabs.users);
  const user = services.user;
  if (!user || !mayAct(user, 'admin')) return <NoPermission role={user?.role} />;
  return <People me={user.name} />;
}

function People({ me }: { me: string }) {
  const services = useServices();
  const words = text.value;
  const people = useLoaded(() => services.rest.users());
  const invitations = useLoaded(() => services.rest.invitations());
  const [open, setOpen] = useState<Open>(null);
  const done = () => {
    setOpen(null);
    people.reload();
    invitations.reload();
  };
  const close = () => setOpen(null);
  const error = people.error ?? invitations.error;
  return (
    <div class="page">
      <div class="page-head">
        <h1>{words.access.nav}</h1>
        <div class="tools">
          <button type="button" class="primary" data-action="invite" onClick={() => setOpen({ kind: 'invite' })}>
            <Icon name="plus" />
            {words.access.users.invite}
          </button>
        </div>
      </div>
      <AccessTabs here="users" />
      {error !== null && <Failure error={error} retry={done} />}
      {!people.value ? (
        people.error === null && <Loading />
      ) : (
        <div class="wide-table">
          <table class="list">
            <thead>
              <tr>
                <th scope="col">{words.access.users.name}</th>
                <th scope="col">{words.access.users.role}</th>
                <th scope="col">{words.access.users.groups}</th>
                <th scope="col">
                  <span class="hidden">{words.common.edit}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {people.value.map((person) => (
                <tr key={person.id} data-user={person.name}>
                  <td>
                    <strong>{person.name}</strong> {person.name === me && <span class="muted">({words.access.users.you})</span>}
                  </td>
                  <td>{words.role[person.role]}</td>
                  <td>{saidGroups(person)}</td>
                  <td class="right row-actions">
                    <button type="button" data-action="rights" onClick={() => setOpen({ kind: 'rights', person })}>
                      {words.access.users.edit}
                    </button>
                    {person.name !== me && (
                      <>
                        <button type="button" data-action="password" onClick={() => setOpen({ kind: 'password', person })}>
                          {words.access.users.password}
                        </button>
                        <button type="button" data-action="remove" onClick={() => setOpen({ kind: 'remove', person })}>
                          {words.common.remove}
                        </button>
                      </>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {invitations.value && invitations.value.length > 0 && (
        <Waiting invitations={invitations.value} onChanged={invitations.reload} />
      )}
      {open?.kind === 'invite' && <InviteDialog onClose={done} />}
      {open?.kind === 'rights' && <RightsDialog person={open.person} onDone={done} onClose={close} />}
      {open?.kind === 'password' && <PasswordDialog person={open.person} onDone={done} onClose={close} />}
      {open?.kind === 'remove' && (
        <ConfirmDialog
          title={words.access.users.removeTitle}
          body={words.access.users.removeText(open.person.name)}
          action={words.common.remove}
          onConfirm={() => services.rest.removeUser(open.person.name)}
          onDone={done}
          onClose={close}
        />
      )}
    </div>
  );
}

function Waiting({ invitations, onChanged }: { invitations: Invitation[]; onChanged: () => void }) {
  const services = useServices();
  const words = text.value;
  const [error, setError] = useState<unknown>(null);
  const withdraw = (id: string) => {
    setError(null);
    services.rest.withdraw(id).then(onChanged, setError);
  };
  return (
    <section>
      <h2>{words.access.users.waiting}</h2>
      {error !== null && <Failure error={error} />}
      <ul class="alert-list">
        {invitations.map((one) => (
          <li key={one.id} class="alert" data-invitation={one.id}>
            <div class="alert-what">
              <p>
                <strong>{words.role[one.role]}</strong> · {saidGroups(one)}
              </p>
              <p class="muted small">
                {words.access.users.invitedBy(one.invited_by)}, {words.access.users.until(dateTime(one.expires_at, words.locale))}
              </p>
            </div>
            <div class="alert-actions">
              <button type="button" onClick={() => withdraw(one.id)}>
                {words.access.users.withdraw}
              </button>
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}
