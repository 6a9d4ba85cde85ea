import type { Execution, ExecutionWord } from '../wire/objects';

const heldAtMost = 200;

const order: Record<ExecutionWord, number> = {
  QUEUED: 1,
  SENT: 2,
  ACCEPTED: 3,
  RUNNING: 4,
  UNCONFIRMED: 5,
  SUCCEEDED: 6,
  FAILED: 6,
  REJECTED: 6,
  EXPIRED: 6,
  CANCELLED: 6,
};

/** No later truth changes it. UNCONFIRMED is not final: the device may still tell. */
export function isFinal(state: ExecutionWord): boolean {
  return order[state] === 6;
}

/** One device's executions, newest first; the newest telling of each is kept. Holds `heldAtMost`. */
export class ExecutionLog {
  private readonly executions = new Map<string, Execution>();
  revision = 0;

  constructor(readonly device: string) {}

  list(): Execution[] {
    return [...this.executions.values()].sort((a, b) => b.created_at - a.created_at || (a.id < b.id ? 1 : -1));
  }
  put(execution: Execution): void {
    if (execution.device !== this.device) return;
    const known = this.executions.get(execution.id);
    if (known) {
      const isOlder =
        execution.updated_at < known.updated_at ||
        (execution.updated_at === known.updated_at && order[execution.state] < order[known.state]);
      if (isOlder || (isFinal(known.state) && !isFinal(execution.state))) return;
    }
    this.executions.set(execution.id, execution);
    if (this.executions.size > heldAtMost) this.executions.delete(this.list()[heldAtMost].id);
    ++this.revision;
  }
}
