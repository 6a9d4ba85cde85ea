import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

/** Label, control, help and fault, tied together for screen readers. */
export function Field({
  label,
  help,
  fault,
  children,
}: {
  label: string;
  help?: string;
  fault?: string | null;
  children: (ids: { id: string; 'aria-describedby'?: string; 'aria-invalid'?: 'true' }) => ComponentChildren;
}) {
  const id = useId();
  const hint = `${id}-hint`;
  const said = fault || help;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, ...(said ? { 'aria-describedby': hint } : {}), ...(fault ? { 'aria-invalid': 'true' as const } : {}) })}
      {said && (
        <p id={hint} class={fault ? 'fault' : 'help'} role={fault ? 'alert' : undefined}>
          {said}
        </p>
      )}
    </div>
  );
}
