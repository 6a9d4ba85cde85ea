import type { Alert } from '../wire/objects';

const resolvedAtMost = 500;

/**
 * Alerts by id, merged from REST lists and events in whatever order they arrive: an alert only moves forward (firing to
 * resolved, unacknowledged to acknowledged), so the further one of two tellings is kept. All firing ones and the newest
 * `resolvedAtMost` resolved ones are held.
 */
export class AlertBook {
  private readonly alerts = new Map<string, Alert>();
  private isLoaded_ = false;
  revision = 0;

  get isLoaded(): boolean {
    return this.isLoaded_;
  }
  firing(): Alert[] {
    return this.ordered('firing').sort((a, b) => b.fired_at - a.fired_at);
  }
  resolved(): Alert[] {
    return this.ordered('resolved').sort((a, b) => (b.resolved_at ?? 0) - (a.resolved_at ?? 0));
  }
  get firingCount(): number {
    let count = 0;
    for (const alert of this.alerts.values()) if (alert.state === 'firing') ++count;
    return count;
  }

  /** `firing` is all there are: one that we hold as firing and that is missing there has ended while nobody told us. */
  load(firing: readonly Alert[], resolved: readonly Alert[]): void {
    const listed = new Set([...firing, ...resolved].map((alert) => alert.id));
    for (const [id, alert] of this.alerts) if (alert.state === 'firing' && !listed.has(id)) this.alerts.delete(id);
    for (const alert of firing) this.put(alert);
    for (const alert of resolved) this.put(alert);
    this.isLoaded_ = true;
    ++this.revision;
  }
  put(alert: Alert): void {
    const known = this.alerts.get(alert.id);
    this.alerts.set(alert.id, known ? further(known, alert) : alert);
    const resolved = this.alerts.size > resolvedAtMost ? this.resolved() : [];
    for (const old of resolved.slice(resolvedAtMost)) this.alerts.delete(old.id);
    ++this.revision;
  }
  clear(): void {
    this.alerts.clear();
    this.isLoaded_ = false;
    ++this.revision;
  }

  private ordered(state: Alert['state']): Alert[] {
    return [...this.alerts.values()].filter((alert) => alert.state === state);
  }
}

function further(known: Alert, told: Alert): Alert {
  const base = known.state === 'resolved' && told.state === 'firing' ? known : told;
  return {
    ...base,
    acknowledged: told.acknowledged ?? known.acknowledged,
    device_name: told.device_name ?? known.device_name,
  };
}
