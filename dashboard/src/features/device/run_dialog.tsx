import { useMemo, useState } from 'preact/hooks';
import {
  formFields,
  initialEntries,
  readEntries,
  type Entries,
  type FieldFault,
  type FormField,
} from '../../state/command_form';
import { text } from '../../text/text';
import { Dialog } from '../../ui/dialog';
import { Field } from '../../ui/field';
import { Failure } from '../../ui/views';
import type { Command } from '../../wire/objects';

/** The form that a command's schema makes, and the typed confirmation that a dangerous one asks for. */
export function RunDialog({
  command,
  title,
  error,
  isBusy,
  onRun,
  onClose,
}: {
  command: Command;
  title: string;
  error: unknown;
  isBusy: boolean;
  onRun: (args: Record<string, unknown> | undefined) => void;
  onClose: () => void;
}) {
  const words = text.value;
  const fields = useMemo(() => formFields(command.arguments_schema), [command]);
  const [entries, setEntries] = useState<Entries>(() => initialEntries(fields));
  const [faults, setFaults] = useState<Record<string, FieldFault>>({});
  const [typed, setTyped] = useState('');
  const isConfirmed = !command.confirm || typed === command.name;
  const submit = (event: Event) => {
    event.preventDefault();
    const read = readEntries(fields, entries);
    if ('faults' in read) {
      setFaults(read.faults);
      return;
    }
    setFaults({});
    if (isConfirmed) onRun(fields.length > 0 ? read.args : undefined);
  };
  return (
    <Dialog title={words.commands.runNamed(command.name)} onClose={onClose}>
      <form onSubmit={submit} noValidate>
        {title && <p class="muted">{title}</p>}
        {fields.map((field) => (
          <Field
            key={field.name}
            label={field.isRequired || field.kind === 'boolean' ? field.label : `${field.label} (${words.common.optional})`}
            help={[field.help, bounds(field)].filter(Boolean).join(' ')}
            fault={faults[field.name] ? words.fieldFault[faults[field.name]] : null}
          >
            {(ids) => (
              <Control
                field={field}
                ids={ids}
                value={entries[field.name]}
                onChange={(value) => setEntries({ ...entries, [field.name]: value })}
              />
            )}
          </Field>
        ))}
        {command.confirm && (
          <Field label={words.commands.confirm(command.name)}>
            {(ids) => (
              <input
                {...ids}
                class="mono"
                value={typed}
                autoComplete="off"
                spellcheck={false}
                onInput={(event) => setTyped(event.currentTarget.value)}
              />
            )}
          </Field>
        )}
        {error !== null && <Failure error={error} />}
        <div class="dialog-actions">
          <button type="button" onClick={onClose}>
            {words.common.cancel}
          </button>
          <button type="submit" class={command.confirm ? 'danger' : 'primary'} disabled={isBusy || !isConfirmed}>
            {words.commands.run}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function bounds({ schema }: FormField): string {
  if (schema.minimum !== undefined && schema.maximum !== undefined) return `${schema.minimum} … ${schema.maximum}`;
  if (schema.minimum !== undefined) return `≥ ${schema.minimum}`;
  return schema.maximum !== undefined ? `≤ ${schema.maximum}` : '';
}

function Control({
  field,
  ids,
  value,
  onChange,
}: {
  field: FormField;
  ids: object;
  value: string | boolean;
  onChange: (value: string | boolean) => void;
}) {
  const words = text.value;
  if (field.kind === 'boolean') {
    return (
      <input
        {...ids}
        name={field.name}
        type="checkbox"
        checked={value === true}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
    );
  }
  if (field.kind === 'choice') {
    return (
      <select {...ids} name={field.name} value={String(value)} onChange={(event) => onChange(event.currentTarget.value)}>
        {!field.isRequired && <option value="">{words.commands.choose}</option>}
        {field.choices.map((choice) => (
          <option key={JSON.stringify(choice)} value={JSON.stringify(choice)}>
            {String(choice)}
          </option>
        ))}
      </select>
    );
  }
  if (field.kind === 'json') {
    return (
      <textarea
        {...ids}
        name={field.name}
        class="mono"
        rows={3}
        value={String(value)}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
    );
  }
  return (
    <input
      {...ids}
      name={field.name}
      value={String(value)}
      inputMode={field.kind === 'text' ? 'text' : field.kind === 'integer' ? 'numeric' : 'decimal'}
      onInput={(event) => onChange(event.currentTarget.value)}
    />
  );
}
