import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { ViewerMessageSchema, type LiveMessage } from '../gen/telemetry/v1/live_pb';
import { backOffMs } from './back_off';
import { afterClose } from './close_codes';
import { presenceOf, type Happening, type HubEvent, type PresenceChange } from './happenings';
import { Heartbeat } from './heartbeat';
import type { HubClock } from './hub_clock';
import { Inbox } from './inbox';
import type { Lag } from './lag';
import { Listeners } from './listeners';
import { LiveSubscription, type SessionSide } from './live_subscription';
import { Measures } from './measures';
import { Retry } from './retry';
import { Refused, type LiveParts, type Socket } from './socket';
import { Transports } from './transports';
import type { SentRequest, SubscribeOptions } from './subscribe_options';

export type LinkStatus =
  | { kind: 'idle' }
  | { kind: 'connecting' }
  | { kind: 'open' }
  | { kind: 'reconnecting'; attempt: number; code: number }
  /** `reason` "signed out": signing in and `start` go on. */
  | { kind: 'stopped'; code: number; reason: string };

/**
 * One session of the live link. Owns the socket and the subscriptions; reconnects for ever with full jitter, as the close
 * code asks, and resumes by position and event id. Messages are decoded and handed on once a frame, in order; the resume
 * position moves only with what was handed on. Ends with stop(), a 40xx close, or the sign-in's end.
 */
export class LiveClient {
  private status_: LinkStatus = { kind: 'idle' };
  private socket: Socket | null = null;
  private opening = 0; // grows with each connection begun: tells an answer of an older one
  private isOpen = false;
  private openedAt = 0;
  private hasHeard = false; // on this connection
  private position: Uint8Array = new Uint8Array(0);
  private hasMoved = false; // the position, on this connection
  private eventId_ = 0;
  private nextId = 1;
  private readonly inbox: Inbox;
  private readonly heartbeat: Heartbeat;
  private readonly retry: Retry;
  private readonly transports: Transports;
  private readonly measures: Measures;
  private readonly subscriptions = new Map<number, LiveSubscription>();
  private readonly statuses: Listeners<LinkStatus>;
  private readonly batches: Listeners<void>;
  private readonly presences: Listeners<PresenceChange>;
  private readonly events: Listeners<HubEvent>;

  constructor(private readonly parts: LiveParts) {
    this.measures = new Measures(parts.nowMs, parts.wallMs);
    this.inbox = new Inbox(
      parts.nextFrame,
      (message, atMs) => this.deliver(message, atMs),
      () => this.batches.tell(),
      () => this.lost(1002, 'unreadable message'),
    );
    this.heartbeat = new Heartbeat(
      parts,
      (nonce, clientTimeUs) => this.isOpen && this.send({ case: 'ping', value: { nonce, clientTimeUs } }),
      () => this.lost(1006, 'no answer'),
    );
    this.transports = new Transports(parts);
    this.retry = new Retry(parts, () => this.connect());
    const failed = (error: unknown) => this.failed(error);
    this.statuses = new Listeners(failed);
    this.batches = new Listeners(failed);
    this.presences = new Listeners(failed);
    this.events = new Listeners(failed);
  }

  /** The hub's time. */
  get clock(): HubClock {
    return this.measures.clock;
  }
  get status(): LinkStatus {
    return this.status_;
  }
  /** The hub's time at the newest message; 0: none yet. */
  get heardUs(): number {
    return this.measures.heardUs;
  }
  /** How old live readings are on arrival; null: none came on this connection. */
  get lag(): Lag | null {
    return this.measures.lag;
  }
  /** Of the newest event heard: give it to `resumeEvents` in another run of the program to go on behind it. */
  get eventId(): number {
    return this.eventId_;
  }
  /** Before start: events are told from behind this one. */
  resumeEvents(eventId: number): void {
    this.eventId_ = eventId;
  }

  /** `events`: server-sent ones, since WebSockets are found to be blocked on the way. */
  get transport(): 'websocket' | 'events' {
    return this.transports.isOnFallback ? 'events' : 'websocket';
  }

  // Each answers how to listen no more.
  onStatus(listener: (status: LinkStatus) => void): () => void {
    return this.statuses.add(listener);
  }
  /** First the state of every device that you may see, then each change; it may all come again. State, not a log. */
  onPresence(listener: (change: PresenceChange) => void): () => void {
    return this.presences.add(listener);
  }
  /** Each once, in order. */
  onEvent(listener: (event: HubEvent) => void): () => void {
    return this.events.add(listener);
  }
  /** After each batch that was handed on: the moment to tell views that something changed. */
  onBatch(listener: () => void): () => void {
    return this.batches.add(listener);
  }

  start(): void {
    if (this.status_.kind !== 'idle' && this.status_.kind !== 'stopped') return;
    this.retry.reset();
    if (this.transports.reset()) this.forgetPosition();
    this.setStatus({ kind: 'connecting' });
    this.connect();
  }

  /** Ends the subscriptions and forgets where it was: the next start may be another user's. */
  stop(): void {
    this.drop(1000, 'signed out');
    for (const subscription of [...this.subscriptions.values()]) subscription.close();
    this.forgetPosition();
    this.eventId_ = 0;
    this.measures.forget();
    this.setStatus({ kind: 'idle' });
  }

  /** Now rather than at the back-off's end: the network came back, or somebody pressed the button. */
  retryNow(): void {
    if (this.status_.kind === 'reconnecting') this.retry.now();
  }

  /** With a listener it is told everything in order; without one loop over what is returned. Throws a RangeError that
   *  names the option. The hub takes 64 subscriptions. */
  subscribe(options: SubscribeOptions, listener?: (happening: Happening) => void): LiveSubscription {
    const subscription = new LiveSubscription(this.nextId++, options, this.side, listener);
    this.subscriptions.set(subscription.id, subscription);
    if (this.isOpen) subscription.connected(false);
    return subscription;
  }

  private readonly side: SessionSide = ((client) => ({
    get isOpen() {
      return client.isOpen;
    },
    nowUs: () => client.clock.nowUs(),
    send: (id: number, request: SentRequest) => client.sendSubscribe(id, request),
    ended: (id: number) => {
      client.subscriptions.delete(id);
      if (client.isOpen) client.send({ case: 'unsubscribe', value: { id } });
    },
    later: (attempt: number, again: () => void) => {
      client.parts.setTimer(again, backOffMs(attempt, client.parts.random, 1000));
    },
    failed: (error: unknown) => client.failed(error),
  }))(this);

  private connect(): void {
    const opening = ++this.opening;
    this.heartbeat.start();
    this.hasHeard = false;
    let socket: Socket | Promise<Socket>;
    try {
      socket = this.transports.open();
    } catch (error) {
      socket = Promise.reject(error);
    }
    if (!(socket instanceof Promise)) return this.attach(socket);
    socket.then(
      (made) => {
        if (this.opening === opening) this.attach(made);
        else made.close(1000);
      },
      (error: unknown) => {
        if (this.opening !== opening) return;
        if (error instanceof Refused) {
          this.forgetSocket();
          this.setStatus({ kind: 'stopped', code: 1006, reason: error.reason });
        } else {
          void this.closed(1006, String(error));
        }
      },
    );
  }

  private attach(socket: Socket): void {
    this.socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => this.opened();
    socket.onmessage = (event) => {
      if (this.socket !== socket) return;
      const atMs = this.heartbeat.heard();
      this.hasHeard = true;
      if (event.data instanceof ArrayBuffer) this.inbox.add(new Uint8Array(event.data), atMs);
    };
    socket.onclose = (event) => {
      if (this.socket === socket) void this.closed(event.code, event.reason);
    };
    socket.onerror = () => {}; // a close always follows
  }

  private opened(): void {
    this.isOpen = true;
    this.hasMoved = false;
    this.openedAt = this.heartbeat.heard();
    this.send({ case: 'hello', value: { resumePosition: this.position, resumeEventId: this.eventId_ } });
    for (const subscription of this.subscriptions.values()) subscription.connected(this.position.length > 0);
    this.setStatus({ kind: 'open' });
  }

  /** False: a listener has ended this connection. */
  private deliver(message: LiveMessage, atMs: number): boolean {
    const { opening } = this;
    this.measures.add(message, atMs);
    if (message.hub) this.heartbeat.greeted(message.hub.heartbeatMs);
    for (const subscription of [...this.subscriptions.values()]) subscription.receive(message);
    for (const state of message.presence) {
      this.presences.tell({
        device: state.deviceId,
        name: state.deviceName,
        presence: presenceOf(state.presence),
        lastSeenUs: state.lastSeenUs,
        removed: state.removed,
      });
    }
    for (const event of message.events) {
      let body: unknown = null;
      try {
        body = JSON.parse(event.bodyJson || 'null');
      } catch {
        // Of a newer hub, perhaps: the rest of it is told.
      }
      const { id, timeUs, kind } = event;
      this.events.tell({ id, timeUs, kind, device: event.deviceId, object: event.objectId, body });
    }
    if (this.opening !== opening) return false;
    if (message.position.length > 0) {
      this.position = message.position;
      this.hasMoved = true;
    }
    if (message.eventId > 0) this.eventId_ = message.eventId;
    return true;
  }

  private async closed(code: number, reason: string): Promise<void> {
    const wasOpen = this.isOpen;
    const lived = wasOpen ? this.parts.nowMs() - this.openedAt : 0;
    const { opening } = this;
    this.inbox.drain();
    if (this.opening !== opening) return; // ended by a listener
    this.inbox.clear();
    this.forgetSocket();
    this.measures.disconnected();
    for (const subscription of [...this.subscriptions.values()]) subscription.disconnected(this.hasMoved);
    const what = afterClose(code);
    if (what === 'stop') {
      this.setStatus({ kind: 'stopped', code, reason });
      return;
    }
    const attempt = this.retry.lost(lived);
    this.setStatus({ kind: 'reconnecting', attempt, code });
    const isBlocked = !this.hasHeard && code === 1006;
    if (!isBlocked) this.transports.worked();
    if (!wasOpen || isBlocked) {
      const isSignedIn = await this.parts.isSignedIn().catch(() => null); // null: the hub is away
      if (isSignedIn === false) {
        if (this.status_.kind === 'reconnecting') this.setStatus({ kind: 'stopped', code, reason: 'signed out' });
        return;
      }
      // The hub answers, and yet nothing comes through: something between us lets no such connection pass.
      if (isSignedIn && isBlocked && this.transports.wasBlocked()) this.forgetPosition();
    }
    if (this.status_.kind !== 'reconnecting' || this.socket || this.retry.isWaiting) return; // stopped meanwhile
    this.retry.wait(what, attempt);
  }

  /** Everything begins anew on the next connection. */
  private forgetPosition(): void {
    this.position = new Uint8Array(0);
  }

  /** We give the connection up ourselves. */
  private lost(code: number, reason: string): void {
    ++this.opening; // an open still on its way is too late
    const socket = this.socket;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      try {
        socket.close(4000, reason);
      } catch {
        // Already closing.
      }
    }
    void this.closed(code, reason);
  }

  private drop(code: number, reason: string): void {
    ++this.opening;
    this.retry.cancel();
    const socket = this.socket;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close(code, reason);
    }
    this.forgetSocket();
    this.inbox.clear();
  }

  private forgetSocket(): void {
    this.heartbeat.stop();
    this.socket = null;
    this.isOpen = false;
  }

  private sendSubscribe(id: number, request: SentRequest): void {
    const { devices, groups, series, fromUs, toUs, width, rateHz, paused, resuming } = request;
    const selector = { devices, groups, series };
    const resumePosition = resuming ? this.position : new Uint8Array(0);
    this.send({
      case: 'subscribe',
      value: { id, selector, fromUs, toUs, width, maximumRateHz: rateHz, paused, resumePosition },
    });
  }

  private send(message: MessageInitShape<typeof ViewerMessageSchema>['message']): void {
    this.socket?.send(toBinary(ViewerMessageSchema, create(ViewerMessageSchema, { message })));
  }

  private setStatus(status: LinkStatus): void {
    this.status_ = status;
    this.statuses.tell(status);
  }

  private failed(error: unknown): void {
    this.parts.setTimer(() => {
      throw error;
    }, 0);
  }
}
