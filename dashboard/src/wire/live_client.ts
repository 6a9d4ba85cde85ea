import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { LiveMessageSchema, ViewerMessageSchema, type LiveMessage } from '../gen/telemetry/v1/live_pb';
import { backOffMs } from './back_off';
import { afterClose } from './close_codes';

/** As much of WebSocket as is used here. */
export interface Socket {
  binaryType: string;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: Uint8Array): void;
  close(code?: number, reason?: string): void;
}

/** The outside world, which tests replace. */
export interface LiveParts {
  open(): Socket;
  nowMs(): number; // monotonic
  random(): number;
  setTimer(action: () => void, ms: number): unknown;
  clearTimer(timer: unknown): void;
  /** Runs once, at the next animation frame (or soon, where the page is hidden and has none). */
  nextFrame(action: () => void): void;
  /** A browser hides why an upgrade was refused; false: because nobody is signed in. */
  isSignedIn(): Promise<boolean>;
}

export interface SubscribeRequest {
  devices: string[];
  series: string[];
  fromUs: number; // 0: no history
  toUs: number; // 0: live
  width: number;
  maximumRateHz: number;
}

export interface Feed {
  /** Called before each send. `resuming`: the hub will be asked to continue after the last position instead of sending
   *  history; it may refuse (phase RESTARTED) and then sends the history of the answer given here. */
  request(resuming: boolean): SubscribeRequest;
  /** Everything that arrives on the session, in order; streams pick what is theirs. */
  receive(message: LiveMessage): void;
  /** All it asked for has arrived, up to the session's position: a reconnect may continue from there. */
  isSettled(): boolean;
}

export type LinkStatus =
  | { kind: 'idle' }
  | { kind: 'connecting' }
  | { kind: 'open' }
  | { kind: 'reconnecting'; attempt: number; code: number }
  | { kind: 'stopped'; code: number; reason: string };


const usualHeartbeatMs = 15_000; // until the hub says its own heartbeat
const stableAfterMs = 5_000; // a connection that lived so long starts the back-off anew
const queueBytesAtMost = 4 * 1024 * 1024; // undecoded; past it decoding does not wait for the frame

/**
 * One session of the live link. Owns the socket and the subscriptions; reconnects for ever with full jitter, as the close
 * code asks, and resumes by position and event id. Messages are decoded and handed on once an animation frame, in order;
 * the resume position moves only with what was handed on. Ends with stop(), a 40xx close, or the sign-in's end.
 */
export class LiveClient {
  private status_: LinkStatus = { kind: 'idle' };
  private socket: Socket | null = null;
  private isOpen = false;
  private openedAt = 0;
  private heardAt = 0;
  private attempt = 0;
  private retryTimer: unknown = null;
  private heartbeatTimer: unknown = null;
  private heartbeatMs = usualHeartbeatMs;
  private pings = 0;
  private queue: Uint8Array[] = [];
  private queueBytes = 0;
  private isFrameAsked = false;
  private position: Uint8Array = new Uint8Array(0);
  private eventId = 0;
  private nextId = 1;
  private readonly subscriptions = new Map<number, Feed>();
  private readonly statusListeners = new Set<(status: LinkStatus) => void>();
  private readonly batchListeners = new Set<() => void>();

  constructor(private readonly parts: LiveParts) {}

  get status(): LinkStatus {
    return this.status_;
  }
  onStatus(listener: (status: LinkStatus) => void): () => void {
    this.statusListeners.add(listener);
    return () => this.statusListeners.delete(listener);
  }
  /** After each drained batch: the moment to tell views that something changed. */
  onBatch(listener: () => void): () => void {
    this.batchListeners.add(listener);
    return () => this.batchListeners.delete(listener);
  }

  start(): void {
    if (this.status_.kind !== 'idle' && this.status_.kind !== 'stopped') return;
    this.attempt = 0;
    this.setStatus({ kind: 'connecting' });
    this.connect();
  }

  /** Forgets position and subscriptions: the next start may be another user's. */
  stop(): void {
    this.drop(1000, 'signed out');
    this.subscriptions.clear();
    this.position = new Uint8Array(0);
    this.eventId = 0;
    this.setStatus({ kind: 'idle' });
  }

  /** Now rather than at the back-off's end: the network came back, or somebody pressed the button. */
  retryNow(): void {
    if (this.status_.kind !== 'reconnecting' || this.retryTimer === null) return;
    this.parts.clearTimer(this.retryTimer);
    this.retryTimer = null;
    this.connect();
  }

  subscribe(feed: Feed): number {
    const id = this.nextId++;
    this.subscriptions.set(id, feed);
    if (this.isOpen) this.sendSubscribe(id, feed, false);
    return id;
  }
  /** The feed's request has changed: zoom, pan, width. */
  update(id: number): void {
    const feed = this.subscriptions.get(id);
    if (feed && this.isOpen) this.sendSubscribe(id, feed, false);
  }
  unsubscribe(id: number): void {
    if (!this.subscriptions.delete(id) || !this.isOpen) return;
    this.send({ case: 'unsubscribe', value: { id } });
  }

  private connect(): void {
    const socket = this.parts.open();
    this.socket = socket;
    this.heardAt = this.parts.nowMs();
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => this.opened();
    socket.onmessage = (event) => {
      if (this.socket === socket && event.data instanceof ArrayBuffer) this.heard(new Uint8Array(event.data));
    };
    socket.onclose = (event) => {
      if (this.socket === socket) void this.closed(event.code, event.reason);
    };
    socket.onerror = null; // a close always follows
    this.watch();
  }

  private opened(): void {
    this.isOpen = true;
    this.openedAt = this.heardAt = this.parts.nowMs();
    this.send({ case: 'hello', value: { resumePosition: this.position, resumeEventId: this.eventId } });
    for (const [id, feed] of this.subscriptions) this.sendSubscribe(id, feed, true);
    this.setStatus({ kind: 'open' });
  }

  private heard(bytes: Uint8Array): void {
    this.heardAt = this.parts.nowMs();
    this.queue.push(bytes);
    this.queueBytes += bytes.length;
    if (this.queueBytes > queueBytesAtMost) {
      this.drain();
    } else if (!this.isFrameAsked) {
      this.isFrameAsked = true;
      this.parts.nextFrame(() => {
        this.isFrameAsked = false;
        this.drain();
      });
    }
  }

  private drain(): void {
    if (this.queue.length === 0) return;
    const queue = this.queue;
    this.queue = [];
    this.queueBytes = 0;
    for (const bytes of queue) {
      let message: LiveMessage;
      try {
        message = fromBinary(LiveMessageSchema, bytes);
      } catch {
        // Not our protocol: what follows cannot be trusted either.
        this.lost(1002, 'unreadable message');
        return;
      }
      this.deliver(message);
    }
    for (const listener of this.batchListeners) listener();
  }

  private deliver(message: LiveMessage): void {
    if (message.hub && message.hub.heartbeatMs > 0) this.heartbeatMs = message.hub.heartbeatMs;
    for (const feed of this.subscriptions.values()) feed.receive(message);
    if (message.position.length > 0) this.position = message.position;
    if (message.eventId > 0) this.eventId = message.eventId;
  }

  private async closed(code: number, reason: string): Promise<void> {
    const wasOpen = this.isOpen;
    const lived = wasOpen ? this.parts.nowMs() - this.openedAt : 0;
    this.drain();
    this.forgetSocket();
    const what = afterClose(code);
    if (what === 'stop') {
      this.setStatus({ kind: 'stopped', code, reason });
      return;
    }
    if (lived >= stableAfterMs) this.attempt = 0;
    const attempt = this.attempt++;
    this.setStatus({ kind: 'reconnecting', attempt, code });
    if (!wasOpen && !(await this.parts.isSignedIn().catch(() => true))) {
      if (this.status_.kind === 'reconnecting') this.setStatus({ kind: 'stopped', code, reason: 'signed out' });
      return;
    }
    if (this.status_.kind !== 'reconnecting' || this.socket) return; // stopped meanwhile
    // "Now" is believed once: a hub that closes each fresh connection with 42xx is backed off from all the same.
    const delay = what === 'now' && attempt === 0 ? this.parts.random() * 250 : backOffMs(attempt, this.parts.random);
    this.retryTimer = this.parts.setTimer(() => {
      this.retryTimer = null;
      this.connect();
    }, delay);
  }

  /** We give the connection up ourselves. */
  private lost(code: number, reason: string): void {
    const socket = this.socket;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    try {
      socket.close(4000, reason);
    } catch {
      // Already closing.
    }
    void this.closed(code, reason);
  }

  private drop(code: number, reason: string): void {
    if (this.retryTimer !== null) this.parts.clearTimer(this.retryTimer);
    this.retryTimer = null;
    const socket = this.socket;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close(code, reason);
    }
    this.forgetSocket();
    this.queue = [];
    this.queueBytes = 0;
  }

  private forgetSocket(): void {
    if (this.heartbeatTimer !== null) this.parts.clearTimer(this.heartbeatTimer);
    this.heartbeatTimer = null;
    this.socket = null;
    this.isOpen = false;
  }

  /** Pings at one heartbeat of silence, gives up at two. Covers a connect that never answers as well. */
  private watch(): void {
    if (this.heartbeatTimer !== null) this.parts.clearTimer(this.heartbeatTimer);
    this.heartbeatTimer = this.parts.setTimer(() => {
      this.heartbeatTimer = null;
      const silence = this.parts.nowMs() - this.heardAt;
      if (silence >= 2 * this.heartbeatMs) {
        this.lost(1006, 'no answer');
        return;
      }
      if (this.isOpen && silence >= this.heartbeatMs) {
        this.send({ case: 'ping', value: { nonce: ++this.pings, clientTimeUs: this.parts.nowMs() * 1000 } });
      }
      this.watch();
    }, this.heartbeatMs / 2);
  }

  private sendSubscribe(id: number, feed: Feed, isReconnect: boolean): void {
    const resuming = isReconnect && feed.isSettled() && this.position.length > 0;
    const request = feed.request(resuming);
    this.send({
      case: 'subscribe',
      value: {
        id,
        selector: { devices: request.devices, groups: [], series: request.series },
        fromUs: request.fromUs,
        toUs: request.toUs,
        width: request.width,
        maximumRateHz: request.maximumRateHz,
        paused: false,
        resumePosition: resuming ? this.position : new Uint8Array(0),
      },
    });
  }

  private send(message: MessageInitShape<typeof ViewerMessageSchema>['message']): void {
    this.socket?.send(toBinary(ViewerMessageSchema, create(ViewerMessageSchema, { message })));
  }

  private setStatus(status: LinkStatus): void {
    this.status_ = status;
    for (const listener of this.statusListeners) listener(status);
  }
}
