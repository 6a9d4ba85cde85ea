import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { LiveMessageSchema, ViewerMessageSchema, type Subscribe } from '../gen/telemetry/v1/live_pb';
import { EventLines } from './event_lines';
import type { SeriesType } from './objects';
import type { Socket } from './socket';
import { messageOf, type Message } from './sse_text';

const phasePaused = 7;
const livePhases = ['live', 'conflated', 'latest_only'];
const ended = [1000, 4000, 4100]; // of one subscription: complete, refused, no readings now; the others go on

/** GET of the hub's, as a stream. */
export type OpenStream = (path: string, signal: AbortSignal) => Promise<Response>;

interface Stream {
  shape: string; // all of its request but rate and pause
  position: string; // of the newest batch
  isPaused: boolean;
  isAgain: boolean; // the same shape, at another rate or after a pause: its Subscribed answers nothing
  abort: AbortController;
}

/**
 * The live link over server-sent events, in the guise of a WebSocket: where a proxy lets no WebSocket through. One stream for
 * presence and events, one for each subscription that is not paused; a browser lets some six be open to one hub. A
 * position stands for those of all streams. A stream that is lost ends the whole, which is then resumed as any other.
 * Devices have names before their readings come, as over a WebSocket: subscriptions are read once presence was told.
 */
export class SseSocket implements Socket {
  binaryType = 'arraybuffer';
  onopen: Socket['onopen'] = null;
  onmessage: Socket['onmessage'] = null;
  onclose: Socket['onclose'] = null;
  onerror: Socket['onerror'] = null;
  private readonly streams = new Map<number, Stream>();
  private isClosed = false;
  private greeted!: () => void;
  private readonly greeting = new Promise<void>((resolve) => (this.greeted = resolve));
  private hubUs = 1; // when the newest batch was sent
  private hubAtMs = 0; // and by our clock

  constructor(
    private readonly open: OpenStream,
    private readonly nowMs: () => number,
  ) {
    queueMicrotask(() => {
      if (!this.isClosed) this.onopen?.(undefined as never);
    });
  }

  send(data: Uint8Array): void {
    const { message } = fromBinary(ViewerMessageSchema, data);
    if (message.case === 'hello') {
      // Presence and events: of no series.
      this.follow(0, `series=-&event_id=${message.value.resumeEventId}`, 'hello', '', false);
    } else if (message.case === 'subscribe') {
      this.subscribe(message.value);
    } else if (message.case === 'unsubscribe') {
      this.streams.get(message.value.id)?.abort.abort();
      this.streams.delete(message.value.id);
    }
    // Pings measure nothing here: the hub's comments say that it lives.
  }

  close(): void {
    this.isClosed = true;
    this.greeted(); // who waits finds its stream aborted
    for (const stream of this.streams.values()) stream.abort.abort();
    this.streams.clear();
  }

  private subscribe(asked: Subscribe): void {
    const query = new URLSearchParams({ events: 'false' });
    for (const device of asked.selector?.devices ?? []) query.append('device', device);
    for (const group of asked.selector?.groups ?? []) query.append('group', group);
    for (const series of asked.selector?.series.length ? asked.selector.series : ['-']) query.append('series', series);
    if (asked.fromUs > 0) query.set('from', String(asked.fromUs));
    if (asked.toUs > 0) query.set('to', String(asked.toUs));
    query.set('width', String(asked.width));
    const shape = query.toString();
    const known = this.streams.get(asked.id);
    const isAgain = known !== undefined && known.shape === shape && known.position !== '' && asked.resumePosition.length === 0;
    known?.abort.abort();
    const position = isAgain ? known.position : (positionsOf(asked.resumePosition)[asked.id] ?? '');
    if (isAgain && asked.paused) {
      known.isPaused = true;
      this.deliver([{ phases: [{ subscription: asked.id, phase: phasePaused }] }]);
      return;
    }
    this.follow(asked.id, shape, shape, position, isAgain, asked.maximumRateHz, asked.paused);
  }

  private follow(id: number, query: string, shape: string, position: string, isAgain: boolean, rateHz = 0, isPaused = false): void {
    const stream: Stream = { shape, position, isPaused, isAgain, abort: new AbortController() };
    this.streams.set(id, stream);
    const rate = rateHz > 0 ? `&rate=${rateHz}` : '';
    const behind = position ? `&position=${encodeURIComponent(position)}` : '';
    this.read(id, stream, `/live/sse?${query}${rate}${behind}`).catch(() => {
      if (!stream.abort.signal.aborted) this.end(1006, '');
    });
  }

  private async read(id: number, stream: Stream, path: string): Promise<void> {
    const response = await this.open(path, stream.abort.signal);
    if (response.status === 401) return this.end(4001, 'signed out');
    if (response.status === 400) {
      const problem = (await response.json()) as { detail?: string };
      this.deliver([{ error: { subscription: id, code: 'invalid_argument', message: problem.detail ?? '' } }]);
      return;
    }
    if (!response.ok || !response.body) return this.end(response.status === 403 ? 4003 : 1006, '');
    const reader = response.body.getReader();
    const text = new TextDecoder();
    const lines = new EventLines();
    const types = new Map<number, SeriesType>();
    if (id !== 0) await this.greeting;
    for (;;) {
      const { done, value } = await reader.read();
      if (stream.abort.signal.aborted) return;
      if (done) return this.end(1006, '');
      for (const event of lines.add(text.decode(value, { stream: true }))) {
        if (event === null) {
          this.onmessage?.({ data: null }); // it lives
        } else if (event.name === 'end') {
          const end = JSON.parse(event.data) as { code: number; reason: string };
          return ended.includes(end.code) ? undefined : this.end(end.code, end.reason);
        } else if (this.take(id, stream, JSON.parse(event.data), types)) {
          return;
        }
      }
    }
  }

  /** True: the stream has come to where it is to pause. */
  private take(id: number, stream: Stream, batch: Batch, types: Map<number, SeriesType>): boolean {
    if (batch.position) stream.position = batch.position;
    const pauses = stream.isPaused && livePhases.includes(batch.phase ?? '');
    const messages: Message[] = [];
    for (const said of batch.messages) {
      if (said.type === 'subscribed' && stream.isAgain && !said.added) continue;
      if (id !== 0 && said.type === 'hub') continue;
      if (id === 0 && !['hub', 'presence', 'event'].includes(said.type as string)) continue;
      if (pauses && said.type === 'phase' && livePhases.includes(said.phase as string)) continue;
      const message = messageOf(id, said, types);
      if (message) messages.push(message);
    }
    if (pauses) messages.push({ phases: [{ subscription: id, phase: phasePaused }] });
    if (batch.sent) {
      this.hubUs = batch.sent;
      this.hubAtMs = this.nowMs();
    }
    if (id === 0 && batch.event_id) messages.push({ eventId: batch.event_id });
    this.deliver(messages);
    if (id === 0 && batch.phase) this.greeted(); // the list of devices comes before the first phase
    if (pauses) stream.abort.abort();
    return pauses;
  }

  /** As one write of the hub: the last message has its time and the position. */
  private deliver(messages: Message[]): void {
    if (this.isClosed) return;
    const positions: Positions = {};
    for (const [id, { position }] of this.streams) if (id !== 0 && position) positions[id] = position;
    const position = Object.keys(positions).length > 0 ? new TextEncoder().encode(JSON.stringify(positions)) : new Uint8Array(0);
    const sentUs = this.hubUs + (this.nowMs() - this.hubAtMs) * 1000;
    for (const message of [...messages, { sentUs, position }]) {
      const bytes = toBinary(LiveMessageSchema, create(LiveMessageSchema, message));
      this.onmessage?.({ data: bytes.slice().buffer });
    }
  }

  private end(code: number, reason: string): void {
    if (this.isClosed) return;
    this.close();
    this.onclose?.({ code, reason });
  }
}

interface Batch {
  messages: Record<string, unknown>[];
  position: string | null;
  event_id: number;
  phase: string | null; // null: before the first
  sent: number | null;
}

type Positions = Record<number, string>;

/** Of the streams, by subscription. */
function positionsOf(bytes: Uint8Array): Positions {
  if (bytes.length === 0) return {};
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as Positions;
  } catch {
    return {}; // a WebSocket's: its subscriptions have other numbers there
  }
}
