import { text } from '../../text/text';
import { Field } from '../../ui/field';
import type { Role } from '../../wire/objects';

const roles: Role[] = ['viewer', 'operator', 'admin'];

export interface Rights {
  role: Role;
  groups: string;
}

export const readGroups = (typed: string): string[] => [
  ...new Set(
    typed
      .split(',')
      .map((one) => one.trim())
      .filter(Boolean),
  ),
];

/** Role and groups of a person or an invitation. */
export function RightsForm({ rights, onChange }: { rights: Rights; onChange: (rights: Rights) => void }) {
  const words = text.value;
  return (
    <>
      <Field label={words.access.users.role} help={words.access.roleHelp[rights.role]}>
        {(ids) => (
          <select
            {...ids}
            name="role"
            value={rights.role}
            onChange={(event) => onChange({ ...rights, role: event.currentTarget.value as Role })}
          >
            {roles.map((role) => (
              <option key={role} value={role}>
                {words.role[role]}
              </option>
            ))}
          </select>
        )}
      </Field>
      {rights.role !== 'admin' && (
        <Field label={words.access.users.groups} help={words.access.users.groupsHelp}>
          {(ids) => (
            <input
              {...ids}
              name="groups"
              value={rights.groups}
              autoComplete="off"
              spellcheck={false}
              onInput={(event) => onChange({ ...rights, groups: event.currentTarget.value })}
            />
          )}
        </Field>
      )}
    </>
  );
}
