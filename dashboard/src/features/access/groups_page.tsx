import { useState } from 'preact/hooks';
import { useServices } from '../../app/services';
import { useTitle } from '../../app/title';
import { readTags } from '../../state/tags';
import { text } from '../../text/text';
import { ConfirmDialog } from '../../ui/confirm_dialog';
import { Dialog } from '../../ui/dialog';
import { Field } from '../../ui/field';
import { Icon } from '../../ui/icons';
import { NoPermission } from '../../ui/no_permission';
import { useLoaded } from '../../ui/use_loaded';
import { Empty, Failure, Loading } from '../../ui/views';
import type { Group } from '../../wire/objects';
import { mayAct } from '../../wire/rest_client';
import { AccessTabs } from './access_tabs';

export function GroupsPage() {
  const services = useServices();
  useTitle(text.value.access.tabs.groups);
  const user = services.user;
  if (!user || !mayAct(user, 'admin')) return <NoPermission role={user?.role} />;
  return <Groups />;
}

function Groups() {
  const services = useServices();
  const words = text.value;
  void services.fleetRevision.value;
  const groups = useLoaded(() => services.rest.groups());
  const [isAdding, add] = useState(false);
  const [removing, remove] = useState<Group | null>(null);
  const devicesIn = (group: Group) => services.fleet.list().filter((device) => device.groups.includes(group.name));
  const done = () => {
    add(false);
    remove(null);
    groups.reload();
    void services.loadDevices();
  };
  return (
    <div class="page">
      <div class="page-head">
        <h1>{words.access.nav}</h1>
        <div class="tools">
          <button type="button" class="primary" data-action="new-group" onClick={() => add(true)}>
            <Icon name="plus" />
            {words.access.groups.add}
          </button>
        </div>
      </div>
      <AccessTabs here="groups" />
      <p class="muted">{words.access.groups.lead}</p>
      {groups.error !== null && <Failure error={groups.error} retry={groups.reload} />}
      {!groups.value ? (
        groups.error === null && <Loading />
      ) : groups.value.length === 0 ? (
        <Empty icon="fleet" title={words.access.groups.emptyTitle} />
      ) : (
        <ul class="alert-list">
          {groups.value.map((group) => (
            <li key={group.name} class="alert" data-group={group.name}>
              <div class="alert-what">
                <p>
                  <strong>{group.name}</strong>
                </p>
                <p class="muted small">
                  {Object.entries(group.tags)
                    .map(([name, value]) => `${name}=${value}`)
                    .join(', ')}
                </p>
              </div>
              <p class="alert-when muted small">
                {words.access.groups.devices}: {devicesIn(group).map((device) => device.name).slice(0, 20).join(', ') || words.common.none}
              </p>
              <div class="alert-actions">
                <button type="button" onClick={() => remove(group)}>
                  <Icon name="trash" />
                  {words.common.remove}
                </button>
              </div>
            </li>
          ))}
        </ul>
      )}
      {isAdding && <GroupDialog onDone={done} onClose={() => add(false)} />}
      {removing && (
        <ConfirmDialog
          title={words.access.groups.removeTitle}
          body={words.access.groups.removeText(removing.name)}
          action={words.common.remove}
          onConfirm={() => services.rest.removeGroup(removing.name)}
          onDone={done}
          onClose={() => remove(null)}
        />
      )}
    </div>
  );
}

function GroupDialog({ onDone, onClose }: { onDone: () => void; onClose: () => void }) {
  const services = useServices();
  const words = text.value;
  const [name, setName] = useState('');
  const [tags, setTags] = useState('');
  const [isTried, setTried] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const read = readTags(tags);
  const hasTags = read !== null && Object.keys(read).length > 0;
  const submit = async (event: Event) => {
    event.preventDefault();
    setTried(true);
    if (!name.trim() || !hasTags) return;
    setError(null);
    try {
      await services.rest.putGroup(name.trim(), read);
      onDone();
    } catch (caught) {
      setError(caught);
    }
  };
  return (
    <Dialog title={words.access.groups.addTitle} onClose={onClose}>
      <form onSubmit={(event) => void submit(event)} noValidate>
        <Field label={words.access.groups.name} fault={isTried && !name.trim() ? words.fieldFault.required : null}>
          {(ids) => <input {...ids} name="group" value={name} autoComplete="off" onInput={(event) => setName(event.currentTarget.value)} />}
        </Field>
        <Field
          label={words.access.groups.tags}
          help={words.access.groups.tagsHelp}
          fault={isTried && !hasTags ? words.access.groups.tagsFault : null}
        >
          {(ids) => <input {...ids} name="tags" value={tags} autoComplete="off" onInput={(event) => setTags(event.currentTarget.value)} />}
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
