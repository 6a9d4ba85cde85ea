import { isFinal } from '../../state/execution_log';
import { text } from '../../text/text';
import { dateTime, fullTime } from '../../text/times';
import { ExecutionBadge } from '../../ui/badges';
import { TimeAgo } from '../../ui/time_ago';
import type { Execution } from '../../wire/objects';

export function Executions({
  executions,
  nowUs,
  mayCancel,
  onCancel,
}: {
  executions: readonly Execution[];
  nowUs: () => number;
  mayCancel: boolean;
  onCancel: (execution: Execution) => void;
}) {
  const words = text.value;
  if (executions.length === 0) return <p class="muted">{words.commands.none}</p>;
  return (
    <ul class="executions" aria-live="polite" aria-relevant="additions">
      {executions.map((execution) => (
        <li key={execution.id} data-execution={execution.id} data-command={execution.command} data-state={execution.state}>
          <details>
            <summary>
              <ExecutionBadge state={execution.state} />
              <code>{execution.command}</code>
              {execution.state === 'RUNNING' && execution.progress !== null && execution.progress > 0 && (
                <progress max={100} value={execution.progress} aria-label={words.commands.progress(execution.progress)} />
              )}
              <span class="muted small execution-by">
                {execution.requested_by} · <TimeAgo at={execution.created_at} nowUs={nowUs} />
              </span>
            </summary>
            <ExecutionDetails execution={execution} />
          </details>
          {mayCancel && !isFinal(execution.state) && execution.state !== 'UNCONFIRMED' && (
            <button
              type="button"
              class="small-button"
              aria-label={words.commands.cancelNamed(execution.command)}
              onClick={() => onCancel(execution)}
            >
              {words.commands.cancel}
            </button>
          )}
        </li>
      ))}
    </ul>
  );
}

function ExecutionDetails({ execution }: { execution: Execution }) {
  const words = text.value;
  const rows: [string, string][] = [[words.commands.when, fullTime(execution.created_at, words.locale)]];
  if (hasContent(execution.arguments)) rows.push([words.commands.arguments, JSON.stringify(execution.arguments)]);
  if (!isFinal(execution.state)) rows.push([words.commands.deadline, dateTime(execution.not_after, words.locale)]);
  if (execution.exit_code !== null && execution.exit_code !== undefined) {
    rows.push([words.commands.exitCode, String(execution.exit_code)]);
  }
  return (
    <div class="execution-details">
      <dl>
        {rows.map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {execution.error && <p class="fault">{execution.error}</p>}
      {execution.output && <pre aria-label={words.commands.output}>{execution.output}</pre>}
      {hasContent(execution.result) && (
        <pre aria-label={words.commands.result}>{JSON.stringify(execution.result, null, 2)}</pre>
      )}
    </div>
  );
}

function hasContent(value: unknown): boolean {
  if (value === null || value === undefined || value === '') return false;
  return typeof value !== 'object' || Object.keys(value as object).length > 0;
}
