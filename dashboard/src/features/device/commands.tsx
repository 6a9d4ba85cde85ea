import { useEffect, useState } from 'preact/hooks';
import { useServices } from '../../app/services';
import { ExecutionLog, isFinal } from '../../state/execution_log';
import { text } from '../../text/text';
import { Icon } from '../../ui/icons';
import { Failure, Loading } from '../../ui/views';
import type { Command, Device, Execution, Role } from '../../wire/objects';
import { mayAct } from '../../wire/rest_client';
import { formFields } from '../../state/command_form';
import { Executions } from './executions';
import { RunDialog } from './run_dialog';

// Always allowed, whatever a device declares.
const alwaysThere = ['ping', 'sample-now'];

export function Commands({ device }: { device: Device }) {
  const services = useServices();
  const words = text.value;
  const [commands, setCommands] = useState<Command[] | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [runError, setRunError] = useState<unknown>(null);
  const [busy, setBusy] = useState<string | null>(null);
  const [asking, ask] = useState<Command | null>(null);
  const { log, loadError, reload } = useExecutions(device.id);

  const load = () => {
    services.rest
      .commands(device.id)
      .then((declared) => {
        setCommands(withAlwaysThere(declared));
        setError(null);
      })
      .catch(setError);
  };
  useEffect(() => {
    load();
    return services.onDescribed((described) => {
      if (described === device.id) load();
    });
  }, [device.id]);

  const run = async (command: Command, args: unknown) => {
    setBusy(command.name);
    setRunError(null);
    try {
      log.put(await services.rest.run(device.id, command.name, args, newKey()));
      ask(null);
    } catch (caught) {
      setRunError(caught);
    } finally {
      setBusy(null);
    }
  };
  const start = (command: Command) => {
    setRunError(null);
    if (command.confirm || formFields(command.arguments_schema).length > 0) ask(command);
    else void run(command, undefined);
  };
  const user = services.user;
  return (
    <section class="commands" aria-labelledby="commands-title">
      <div class="commands-list">
        <h2 id="commands-title">{words.commands.title}</h2>
        {device.presence !== 'online' && <p class="notice small">{words.commands.offline}</p>}
        {error !== null && <Failure error={error} retry={load} />}
        {!commands && error === null && <Loading rows={2} />}
        {commands && (
          <ul class="command-items">
            {commands.map((command) => {
              // Running anything needs an operator; a device may ask for more.
              const role: Role = command.role === 'admin' ? 'admin' : 'operator';
              const isAllowed = user !== null && mayAct(user, role);
              return (
                <li key={command.name}>
                  <div>
                    <code>{command.name}</code>
                    <p class="muted small">{titleOf(command)}</p>
                  </div>
                  <button
                    type="button"
                    data-command={command.name}
                    disabled={!isAllowed || busy === command.name}
                    title={isAllowed ? undefined : words.commands.notAllowed(words.role[role])}
                    aria-label={words.commands.runNamed(command.name)}
                    onClick={() => start(command)}
                  >
                    <Icon name="play" />
                    {words.commands.run}
                  </button>
                </li>
              );
            })}
          </ul>
        )}
        {runError !== null && !asking && <Failure error={runError} />}
      </div>
      <div class="commands-history">
        <h2>{words.commands.history}</h2>
        {loadError !== null && <Failure error={loadError} retry={reload} />}
        <Executions
          executions={log.list()}
          nowUs={() => services.clock.nowUs()}
          mayCancel={user !== null && mayAct(user, 'operator')}
          onCancel={async (execution) => {
            setRunError(null);
            try {
              log.put(await services.rest.cancel(execution.id));
            } catch (caught) {
              setRunError(caught);
            }
          }}
        />
      </div>
      {asking && (
        <RunDialog
          command={asking}
          title={titleOf(asking)}
          error={runError}
          isBusy={busy !== null}
          onRun={(args) => void run(asking, args)}
          onClose={() => ask(null)}
        />
      )}
    </section>
  );
}

function titleOf(command: Command): string {
  if (command.title) return command.title;
  if (command.name === 'ping') return text.value.commands.ping;
  if (command.name === 'sample-now') return text.value.commands.sampleNow;
  return '';
}

function withAlwaysThere(declared: readonly Command[]): Command[] {
  const missing = alwaysThere
    .filter((name) => !declared.some((command) => command.name === name))
    .map((name): Command => ({ name, title: '', arguments_schema: null, confirm: false, role: 'operator' }));
  return [...missing, ...declared].map((command) => ({
    ...command,
    arguments_schema: typeof command.arguments_schema === 'string' ? parsed(command.arguments_schema) : command.arguments_schema,
  }));
}
function parsed(schema: string): Command['arguments_schema'] {
  try {
    return JSON.parse(schema) as Command['arguments_schema'];
  } catch {
    return null;
  }
}

function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The list from REST, kept true by events; open ones are asked for again after a lost link. */
function useExecutions(device: string): { log: ExecutionLog; loadError: unknown; reload: () => void } {
  const services = useServices();
  const [log] = useState(() => new ExecutionLog(device));
  const [loadError, setLoadError] = useState<unknown>(null);
  const [, draw] = useState(0);
  const changed = () => draw((n) => n + 1);
  const reload = () => {
    services.rest
      .executions(device)
      .then((executions: Execution[]) => {
        for (const execution of executions) log.put(execution);
        setLoadError(null);
        changed();
      })
      .catch(setLoadError);
  };
  const link = services.link.value.kind;
  useEffect(() => {
    if (link === 'open' && log.list().some((execution) => !isFinal(execution.state))) reload();
  }, [link]);
  useEffect(() => {
    reload();
    return services.onExecution((execution) => {
      log.put(execution);
      changed();
    });
  }, [device]);
  return { log, loadError, reload };
}
