// A command's arguments form, from the JSON Schema its device declared. Understood: an object of string, number, integer,
// boolean and enum properties with their bounds. Anything else is typed as JSON. The hub and the device validate again.
import type { ArgumentSchema } from '../wire/objects';
import { number } from './rule_draft';

export type FieldKind = 'text' | 'number' | 'integer' | 'boolean' | 'choice' | 'json';

export interface FormField {
  name: string;
  kind: FieldKind;
  label: string;
  help: string;
  isRequired: boolean;
  choices: unknown[];
  schema: ArgumentSchema;
}

export type FieldFault = 'required' | 'number' | 'integer' | 'minimum' | 'maximum' | 'too_short' | 'too_long' | 'pattern' | 'json';
export type Entries = Record<string, string | boolean>;

export function formFields(schema: ArgumentSchema | null): FormField[] {
  const properties = schema?.properties ?? {};
  const required = new Set(schema?.required ?? []);
  return Object.entries(properties).map(([name, property]) => ({
    name,
    kind: kindOf(property),
    label: property.title ?? name,
    help: property.description ?? '',
    isRequired: required.has(name),
    choices: property.enum ?? [],
    schema: property,
  }));
}

export function initialEntries(fields: readonly FormField[]): Entries {
  const entries: Entries = {};
  for (const field of fields) {
    const start = field.schema.default;
    if (field.kind === 'boolean') entries[field.name] = start === true;
    else if (start === undefined) entries[field.name] = field.kind === 'choice' && field.isRequired ? JSON.stringify(field.choices[0]) : '';
    else entries[field.name] = typeof start === 'string' && field.kind !== 'choice' ? start : JSON.stringify(start);
  }
  return entries;
}

export function readEntries(
  fields: readonly FormField[],
  entries: Entries,
): { args: Record<string, unknown> } | { faults: Record<string, FieldFault> } {
  const args: Record<string, unknown> = {};
  const faults: Record<string, FieldFault> = {};
  for (const field of fields) {
    const entry = entries[field.name];
    if (typeof entry === 'boolean') {
      args[field.name] = entry;
      continue;
    }
    if ((entry ?? '') === '') {
      if (field.isRequired) faults[field.name] = 'required';
      continue;
    }
    const read = readOne(field, entry);
    if ('fault' in read) faults[field.name] = read.fault;
    else args[field.name] = read.value;
  }
  return Object.keys(faults).length > 0 ? { faults } : { args };
}

function kindOf(schema: ArgumentSchema): FieldKind {
  if (schema.enum) return 'choice';
  const type = Array.isArray(schema.type) ? schema.type.find((one) => one !== 'null') : schema.type;
  if (type === 'string') return 'text';
  if (type === 'number' || type === 'integer' || type === 'boolean') return type;
  return 'json';
}

function readOne(field: FormField, entry: string): { value: unknown } | { fault: FieldFault } {
  const { schema } = field;
  if (field.kind === 'choice' || field.kind === 'json') {
    try {
      return { value: JSON.parse(entry) as unknown };
    } catch {
      return { fault: 'json' };
    }
  }
  if (field.kind === 'text') {
    const length = [...entry].length;
    if (schema.minLength !== undefined && length < schema.minLength) return { fault: 'too_short' };
    if (schema.maxLength !== undefined && length > schema.maxLength) return { fault: 'too_long' };
    if (schema.pattern !== undefined && !matches(schema.pattern, entry)) return { fault: 'pattern' };
    return { value: entry };
  }
  const value = number(entry);
  if (value === null) return { fault: 'number' };
  if (field.kind === 'integer' && !Number.isInteger(value)) return { fault: 'integer' };
  if (schema.minimum !== undefined && value < schema.minimum) return { fault: 'minimum' };
  if (schema.maximum !== undefined && value > schema.maximum) return { fault: 'maximum' };
  return { value };
}

function matches(pattern: string, text: string): boolean {
  try {
    return new RegExp(pattern, 'u').test(text);
  } catch {
    return true; // not a pattern we can read: the hub decides
  }
}
