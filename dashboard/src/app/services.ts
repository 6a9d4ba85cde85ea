// The dashboard's composition root: the hub's two front doors, what is known, and the signals that tell views of changes.
import { signal } from '@preact/signals';
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { LiveMessage } from '../gen/telemetry/v1/live_pb';
import { AlertBook } from '../state/alert_book';
import { Fleet } from '../state/fleet';
import { HubClock } from '../state/hub_clock';
import type { SeriesStream } from '../state/series_stream';
import { LiveClient, type Feed, type LinkStatus, type Socket } from '../wire/live_client';
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
const hiddenDrainMs = 250;

/** One for the page. `session` leads: signing in starts the live link and loads the lists; signing out forgets them all. */
export class Services {
  readonly clock = new HubClock(
    () => performance.now(),
    () => Date.now(),
  );
  readonly session = signal<SessionState>({ kind: 'loading' });
  readonly link = signal<LinkStatus>({ kind: 'idle' });
  readonly fleet = new Fleet();
  readonly alerts = new AlertBook();
  /** Grow with the objects of the same name. */
  readonly fleetRevision = signal(0);
  readonly alertsRevision = signal(0);
  readonly fleetError = signal<unknown>(null);
  readonly alertsError = signal<unknown>(null);
  /** The hub's time at the newest message: what a dead link's data is from. */
  heardUs = 0;

  readonly rest = new RestClient(
    (path, init) => fetch(path, init),
    () => this.signedOut(true),
  );
  readonly live: LiveClient;
  private readonly executionListeners = new Set<(execution: Execution) => void>();
  private readonly seriesListeners = new Set<(device: string) => void>();
  private reloadTimer: number | null = null;

  constructor() {
    this.live = new LiveClient({
      open: () => openSocket(),
      nowMs: () => performance.now(),
      random: () => Math.random(),
      setTimer: (action, ms) => setTimeout(action, ms),
      clearTimer: (timer) => clearTimeout(timer as number),
      nextFrame,
      isSignedIn: () => this.isSignedIn(),
    });
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
    this.live.subscribe(this.sessionFeed());
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
    let id = 0;
    const feed: Feed = {
      request: (resuming) => stream.request(resuming),
      receive: (message) => stream.receive(message, id),
      isSettled: () => stream.isSettled(),
    };
    const forget = this.live.onStatus((status) => {
      if (status.kind === 'reconnecting') stream.disconnected();
    });
    id = this.live.subscribe(feed);
    return {
      update: () => this.live.update(id),
      close: () => {
        forget();
        this.live.unsubscribe(id);
      },
    };
  }

  private sessionFeed(): Feed {
    return {
      request: () => ({ devices: [], series: [], fromUs: 0, toUs: 0, width: 0, maximumRateHz: 0 }),
      receive: (message) => this.receive(message),
      isSettled: () => true,
    };
  }

  private receive(message: LiveMessage): void {
    const hubUs = Math.max(message.sentUs, message.hub?.serverTimeUs ?? 0, message.pong?.serverTimeUs ?? 0);
    if (hubUs > 0) {
      this.clock.sample(hubUs);
      this.heardUs = Math.max(this.heardUs, hubUs);
    }
    let isIncomplete = false;
    for (const state of message.presence) isIncomplete = this.fleet.apply(state) || isIncomplete;
    if (isIncomplete && this.fleet.isLoaded) this.reloadDevicesSoon();
    for (const event of message.events) {
      let body: unknown;
      try {
        body = JSON.parse(event.bodyJson || 'null');
      } catch {
        continue;
      }
      if (event.kind === 'alert' && body) this.alerts.put(body as Alert);
      if (event.kind === 'execution' && body) {
        for (const listener of this.executionListeners) listener(body as Execution);
      }
      if (event.kind === 'device' || event.kind === 'series') {
        this.reloadDevicesSoon();
        for (const listener of this.seriesListeners) listener(event.deviceId);
      }
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
    this.heardUs = 0;
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

function openSocket(): Socket {
  const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
  return new WebSocket(`${scheme}//${location.host}/api/v1/live`, 'telemetry.live.v1') as unknown as Socket;
}

/** A hidden page has no animation frames, but its buffers must still be drained. */
function nextFrame(action: () => void): void {
  let isDone = false;
  const once = () => {
    if (isDone) return;
    isDone = true;
    clearTimeout(timer);
    cancelAnimationFrame(frame);
    action();
  };
  const timer = setTimeout(once, hiddenDrainMs);
  const frame = requestAnimationFrame(once);
}

export const ServicesContext = createContext<Services | null>(null);
export function useServices(): Services {
  const services = useContext(ServicesContext);
  if (!services) throw new Error('no services');
  return services;
}
