// The dashboard's composition root: the hub's two front doors, what is known, and the signals that tell views of changes.
import { signal } from '@preact/signals';
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import { AlertBook } from '../state/alert_book';
import { Fleet } from '../state/fleet';
import type { SeriesStream } from '../state/series_stream';
import { partsOf } from '../wire/connect';
import type { HubEvent } from '../wire/happenings';
import { LiveClient, type LinkStatus } from '../wire/live_client';
import type { Alert, Device, Execution, User } from '../wire/objects';
import { Problem } from '../wire/problem';
import { RestClient } from '../wire/rest_client';

export type SessionState =
  | { kind: 'loading' }
  | { kind: 'unreachable' }
  | { kind: 'setup' }
  | { kind: 'signed_out'; expired: boolean }
  | { kind: 'signed_in'; user: User };

export interface Following {
  /** The stream's query has changed. */
  update(): void;
  close(): void;
}

const resolvedListed = 200;

/** One for the page. `session` leads: signing in starts the live link and loads the lists; signing out forgets them all. */
export class Services {
  readonly session = signal<SessionState>({ kind: 'loading' });
  readonly link = signal<LinkStatus>({ kind: 'idle' });
  readonly fleet = new Fleet();
  readonly alerts = new AlertBook();
  /** Grow with the objects of the same name. */
  readonly fleetRevision = signal(0);
  readonly alertsRevision = signal(0);
  readonly fleetError = signal<unknown>(null);
  readonly alertsError = signal<unknown>(null);
  readonly rest = new RestClient(
    (path, init) => fetch(path, init),
    () => this.signedOut(true),
  );
  readonly live = new LiveClient({ ...partsOf({}), isSignedIn: () => this.isSignedIn() });
  readonly clock = this.live.clock;
  private readonly executionListeners = new Set<(execution: Execution) => void>();
  private readonly seriesListeners = new Set<(device: string) => void>();
  private reloadTimer: number | null = null;

  constructor() {
    let wasOpen = false;
    this.live.onStatus((status) => {
      this.link.value = status;
      if (status.kind === 'open') {
        // Events resume by id; the lists are asked for again all the same: a hub restored from a backup, or one that no
        // longer holds the events in between, would otherwise leave us with what it has forgotten.
        if (wasOpen) this.reload();
        wasOpen = true;
      }
      if (status.kind === 'idle') wasOpen = false;
      if (status.kind === 'stopped' && status.reason === 'signed out') this.signedOut(true);
    });
    this.live.onPresence((change) => {
      const isKnown = !this.fleet.apply(change);
      if (!isKnown && this.fleet.isLoaded) this.reloadDevicesSoon();
    });
    this.live.onEvent((event) => this.happened(event));
    this.live.onBatch(() => {
      if (this.fleetRevision.peek() !== this.fleet.revision) this.fleetRevision.value = this.fleet.revision;
      if (this.alertsRevision.peek() !== this.alerts.revision) this.alertsRevision.value = this.alerts.revision;
    });
    window.addEventListener('online', () => this.live.retryNow());
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) this.live.retryNow();
    });
  }

  async begin(): Promise<void> {
    this.session.value = { kind: 'loading' };
    try {
      this.signedIn(await this.rest.session());
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 401) {
        this.session.value = { kind: 'unreachable' };
        return;
      }
      try {
        this.session.value = (await this.rest.setupNeeded()) ? { kind: 'setup' } : { kind: 'signed_out', expired: false };
      } catch {
        this.session.value = { kind: 'unreachable' };
      }
    }
  }

  signedIn(user: User): void {
    this.session.value = { kind: 'signed_in', user };
    this.live.start();
    this.reload();
  }

  async signOut(): Promise<void> {
    await this.rest.signOut();
    this.signedOut(false);
  }

  get user(): User | null {
    const state = this.session.value;
    return state.kind === 'signed_in' ? state.user : null;
  }

  reload(): void {
    void this.loadUser();
    void this.loadDevices();
    void this.loadAlerts();
  }

  /** The hub closes the live link where rights change (4202); what may be seen and done is looked at again. */
  private async loadUser(): Promise<void> {
    const before = this.user;
    if (!before) return;
    try {
      const user = await this.rest.session();
      if (this.user === before && user.role !== before.role) this.session.value = { kind: 'signed_in', user };
    } catch {
      // A 401 has signed out; anything else the next reload mends.
    }
  }

  async loadDevices(): Promise<void> {
    try {
      this.fleet.load(await this.rest.devices());
      this.fleetError.value = null;
    } catch (error) {
      this.fleetError.value = error;
    }
    this.fleetRevision.value = this.fleet.revision;
  }

  async loadAlerts(): Promise<void> {
    try {
      const [firing, resolved] = await Promise.all([
        this.rest.alerts('firing', 1000),
        this.rest.alerts('resolved', resolvedListed),
      ]);
      this.alerts.load(firing, resolved);
      this.alertsError.value = null;
    } catch (error) {
      this.alertsError.value = error;
    }
    this.alertsRevision.value = this.alerts.revision;
  }

  putAlert(alert: Alert): void {
    this.alerts.put(alert);
    this.alertsRevision.value = this.alerts.revision;
  }
  putDevice(device: Device): void {
    this.fleet.put(device);
    this.fleetRevision.value = this.fleet.revision;
  }

  onExecution(listener: (execution: Execution) => void): () => void {
    this.executionListeners.add(listener);
    return () => this.executionListeners.delete(listener);
  }
  /** A device has described itself anew: its series or commands may differ. */
  onDescribed(listener: (device: string) => void): () => void {
    this.seriesListeners.add(listener);
    return () => this.seriesListeners.delete(listener);
  }

  follow(stream: SeriesStream): Following {
    const subscription = this.live.subscribe(stream.options(), (happening) => stream.receive(happening));
    return {
      update: () => subscription.update(stream.options()),
      close: () => subscription.close(),
    };
  }

  private happened({ kind, device, body }: HubEvent): void {
    if (kind === 'alert' && body) this.alerts.put(body as Alert);
    if (kind === 'execution' && body) {
      for (const listener of this.executionListeners) listener(body as Execution);
    }
    if (kind === 'device' || kind === 'series') {
      this.reloadDevicesSoon();
      for (const listener of this.seriesListeners) listener(device);
    }
  }

  /** A burst of new devices asks once. */
  private reloadDevicesSoon(): void {
    if (this.reloadTimer !== null) return;
    this.reloadTimer = window.setTimeout(() => {
      this.reloadTimer = null;
      if (this.session.peek().kind === 'signed_in') void this.loadDevices();
    }, 200);
  }

  private signedOut(expired: boolean): void {
    if (this.session.peek().kind !== 'signed_in') return;
    this.session.value = { kind: 'signed_out', expired };
    this.live.stop();
    this.fleet.clear();
    this.alerts.clear();
    this.fleetRevision.value = this.fleet.revision;
    this.alertsRevision.value = this.alerts.revision;
  }

  private async isSignedIn(): Promise<boolean> {
    try {
      await this.rest.session();
      return true;
    } catch (error) {
      return !(error instanceof Problem && error.status === 401);
    }
  }
}

export const ServicesContext = createContext<Services | null>(null);
export function useServices(): Services {
  const services = useContext(ServicesContext);
  if (!services) throw new Error('no services');
  return services;
}
