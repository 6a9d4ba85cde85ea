import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { LiveMessageSchema, ViewerMessageSchema } from '../src/gen/telemetry/v1/live_pb';
import { EventLines } from '../src/wire/event_lines';
import type { Happening } from '../src/wire/happenings';
import { LiveClient } from '../src/wire/live_client';
import type { Socket } from '../src/wire/socket';
import { SseSocket } from '../src/wire/sse_socket';

const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

/** The hub's end: one stream a request. */
class FakeHub {
  streams: { query: URLSearchParams; say: (text: string) => void; end: () => void; isAborted: boolean }[] = [];
  status = 200;
  isSilent = false; // tells no presence by itself
  open = async (path: string, signal: AbortSignal): Promise<Response> => {
    if (this.status !== 200) return Response.json({ detail: 'width: no' }, { status: this.status });
    let body!: ReadableStreamDefaultController<Uint8Array>;
    const stream = new ReadableStream<Uint8Array>({ start: (controller) => void (body = controller) });
    const made = {
      query: new URLSearchParams(path.split('?')[1]),
      say: (text: string) => body.enqueue(new TextEncoder().encode(text)),
      end: () => body.close(),
      isAborted: false,
    };
    signal.addEventListener('abort', () => {
      made.isAborted = true;
      body.error(new Error('aborted'));
    });
    this.streams.push(made);
    const greeting = { messages: [], position: 'P0', event_id: 0, phase: 'live', sent: 1_700_000_000_000_000, commit: null };
    if (made.query.has('event_id') && !this.isSilent) made.say(`data: ${JSON.stringify(greeting)}\n\n`);
    return new Response(stream);
  };
  batch(stream: number, position: string, phase: string, ...messages: object[]): void {
    const data = { messages, position, event_id: 7, phase, sent: 1_700_000_000_000_000, commit: null };
    this.streams[stream].say(`id: ${position}\ndata: ${JSON.stringify(data)}\n\n`);
  }
}

describe('SseSocket', () => {
  let hub: FakeHub;
  let client: LiveClient;
  let told: Happening[];
  let closes: number[];
  let webSockets: number;
  let now: number;
  let timers: { at: number; action: () => void }[];
  const info = { series: 4, device: 'd', name: 'cpu', unit: '%', type: 'number', interval_ms: 1000, revision: 1 };
  const listed = { type: 'subscribed', added: false, series: [info] };
  const phase = (word: string, tier_hz = 0) => ({ type: 'phase', phase: word, tier_hz });
  const values = () => told.flatMap((one) => (one.kind === 'readings' ? one.values : []));

  beforeEach(() => {
    hub = new FakeHub();
    told = [];
    closes = [];
    webSockets = 0;
    now = 0;
    timers = [];
  });
  const make = (openFallback: boolean) => {
    const events = () => new SseSocket(hub.open, () => now);
    const blocked = () => {
      ++webSockets;
      const socket = { close() {}, send() {} } as unknown as Socket;
      queueMicrotask(() => socket.onclose?.({ code: 1006, reason: '' }));
      return socket;
    };
    client = new LiveClient({
      open: openFallback ? blocked : events,
      openFallback: openFallback ? events : undefined,
      nowMs: () => now,
      wallMs: () => now,
      random: () => 0.5,
      setTimer: (action, ms) => timers[timers.push({ at: now + ms, action }) - 1],
      clearTimer: (timer) => void (timers = timers.filter((one) => one !== timer)),
      nextFrame: (action) => action(),
      isSignedIn: async () => true,
    });
    client.onStatus((status) => status.kind === 'reconnecting' && closes.push(status.code));
    return client;
  };
  const follow = async (options: object = { devices: ['pi 1'], series: ['cpu*'], fromUs: 50, width: 10 }) => {
    const subscription = client.subscribe({ series: ['*'], ...options }, (happening) => told.push(happening));
    client.start();
    await turn();
    return subscription;
  };
  const retry = async () => {
    const [timer] = timers.filter((one) => one.at - now <= 15_000 && one.at - now !== 7_500);
    timers = timers.filter((one) => one !== timer);
    now = timer.at;
    timer.action();
    await turn();
  };

  it('asks for presence and events in one stream, for each subscription in another', async () => {
    make(false);
    const seen: unknown[] = [];
    client.onPresence((change) => seen.push(change.presence));
    client.onEvent((event) => seen.push(event.body));
    await follow();
    assert.deepEqual(
      hub.streams.map(({ query }) => query.toString()),
      ['series=-&event_id=0', 'events=false&device=pi+1&series=cpu*&from=50&width=10'],
    );
    hub.batch(0, 'P', 'live', { type: 'presence', device: 'd', name: 'pi', presence: 'asleep', last_seen: 5 },
      { type: 'event', id: 7, time: 1, device: 'd', kind: 'alert', object: 'a', body: { state: 'firing' } });
    await turn();
    assert.deepEqual(seen, ['asleep', { state: 'firing' }]);
    assert.equal(client.eventId, 7);
  });

  it('tells no readings before the names of devices', async () => {
    make(false);
    hub.isSilent = true;
    const seen: string[] = [];
    client.onPresence((change) => seen.push(change.name));
    client.subscribe({ series: ['*'] }, (happening) => happening.kind === 'readings' && seen.push('readings'));
    client.start();
    await turn();
    hub.batch(1, 'A', 'live', listed, phase('history'), phase('live'), { type: 'update', series: 4, readings: [[60, 5]] });
    await turn();
    assert.deepEqual(seen, []);
    hub.batch(0, 'P', 'live', { type: 'presence', device: 'd', name: 'pi', presence: 'online', last_seen: 5 });
    await turn();
    assert.deepEqual(seen, ['pi', 'readings']);
    client.stop();
    assert.ok(hub.streams.every((stream) => stream.isAborted));
  });

  it('tells the same as a WebSocket does', async () => {
    make(false);
    await follow();
    hub.batch(1, 'A', 'live', listed, phase('history'),
      { type: 'history', series: 4, from: 50, to: 83, width: 10, buckets: [[59, 1, 9, 2, 3, 4, null]], done: true },
      phase('catch_up'), phase('live', 5),
      { type: 'update', series: 4, late: true, readings: [[60, 1.5], [90, 2]] },
      { type: 'update', series: 4, conflated: { from: 91, to: 95, min: 0, max: 3, first: 1, last: 2, count: 6, sum: 9 } },
      { type: 'gap', series: null, device: 'd', from: 1, to: 2, count: 3, at_most: true, reason: 'quota' },
      { type: 'freshness', series: 4, stale: true, since: 95 });
    await turn();
    assert.deepEqual(told.map((one) => one.kind), ['series', 'begin', 'phase', 'buckets', 'history_done', 'phase', 'phase', 'readings', 'conflated', 'gap', 'freshness']);
    const [, , , buckets, , , , readings, conflated, gap] = told as (Happening & Record<string, unknown>)[];
    assert.deepEqual((buckets as { buckets: unknown }).buckets, [{ index: 3, count: 4, minimum: 1, maximum: 9, sum: Infinity, first: 2, last: 3 }]);
    assert.deepEqual([readings.timesUs, readings.values, readings.late], [[60, 90], [1.5, 2], true]);
    assert.deepEqual([conflated.timeUs, conflated.lastTimeUs, conflated.count, conflated.sum], [91, 95, 6, 9]);
    assert.equal((gap as { gap: { reason: string } }).gap.reason, 'quota');
  });

  it('resumes each stream where it was', async () => {
    make(false);
    const one = await follow();
    await follow();
    hub.batch(1, 'A+', 'live', listed, phase('history'), phase('live'));
    hub.batch(2, 'B', 'live', listed, phase('history'), phase('live'));
    await turn();
    hub.streams[1].end();
    await turn();
    assert.deepEqual(closes, [1006]);
    assert.ok(hub.streams[2].isAborted, 'all of them');
    await retry();
    assert.deepEqual(hub.streams.slice(3).map(({ query }) => query.get('position')), [null, 'A+', 'B']);
    hub.batch(4, 'C', 'live', listed, phase('catch_up'), phase('live'), { type: 'update', series: 4, readings: [[60, 5]] });
    await turn();
    assert.deepEqual(values(), [5]);
    assert.equal(one.phase, 'live');
  });

  it('pauses by leaving the stream, and goes on behind it', async () => {
    make(false);
    const one = await follow();
    hub.batch(1, 'A', 'live', listed, phase('history'), phase('live'));
    await turn();
    one.update({ paused: true });
    assert.equal(one.phase, 'paused');
    assert.ok(hub.streams[1].isAborted);
    one.update({ paused: false, rateHz: 5 });
    await turn();
    assert.deepEqual([hub.streams[2].query.get('position'), hub.streams[2].query.get('rate')], ['A', '5']);
    told = [];
    hub.batch(2, 'B', 'live', listed, phase('catch_up'), { type: 'update', series: 4, readings: [[60, 5]] }, phase('live', 5));
    await turn();
    assert.deepEqual(told.map((happening) => happening.kind), ['phase', 'readings', 'phase']);
    assert.equal(one.options.rateHz, 5);
  });

  it('says what the hub refuses, and stops where nobody is signed in', async () => {
    make(false);
    await follow();
    hub.status = 400;
    const other = client.subscribe({ series: ['*'] }, (happening) => told.push(happening));
    await turn();
    assert.deepEqual(told.at(-1), { kind: 'error', code: 'invalid_argument', message: 'width: no', refused: true });
    other.close();
    hub.status = 401;
    client.subscribe({ series: ['*'] });
    await turn();
    assert.deepEqual(client.status, { kind: 'stopped', code: 4001, reason: 'signed out' });
  });

  it('obeys the end of a stream as a close code, but for what concerns one subscription', async () => {
    make(false);
    await follow();
    hub.streams[1].say('event: end\ndata: {"code":1000,"reason":"complete","again":false}\n\n');
    await turn();
    assert.equal(client.status.kind, 'open');
    hub.streams[0].say('event: end\ndata: {"code":4203,"reason":"shutting down","again":true}\n\n');
    await turn();
    assert.deepEqual(closes, [4203]);
  });

  it('takes the place of WebSockets that are blocked, where the hub answers all the same', async () => {
    make(true);
    await follow();
    for (let i = 0; i < 2; ++i) {
      assert.equal(client.transport, 'websocket');
      await retry();
    }
    assert.deepEqual([webSockets, client.transport, hub.streams.length], [3, 'events', 0]);
    await retry();
    assert.equal(client.status.kind, 'open');
    hub.batch(1, 'A', 'live', listed, phase('history'), phase('live'), { type: 'update', series: 4, readings: [[60, 5]] });
    await turn();
    assert.deepEqual(values(), [5]);
  });

  it('hears a comment as a sign of life', async () => {
    hub.isSilent = true;
    const socket = new SseSocket(hub.open, () => 0);
    let heard = 0;
    socket.onmessage = () => ++heard;
    const hello: MessageInitShape<typeof ViewerMessageSchema> = { message: { case: 'hello', value: { resumeEventId: 3 } } };
    socket.send(toBinary(ViewerMessageSchema, create(ViewerMessageSchema, hello)));
    await turn();
    hub.streams[0].say(':\n\n');
    await turn();
    assert.equal(heard, 1);
    socket.onmessage = ({ data }) => {
      assert.equal(fromBinary(LiveMessageSchema, new Uint8Array(data as ArrayBuffer)).presence.length, 0);
    };
    socket.close();
    assert.ok(hub.streams[0].isAborted);
  });
});

describe('EventLines', () => {
  it('cuts a stream into events however it comes', () => {
    const text = ':\n\nid: a\nevent: end\ndata: {"a":\ndata: 1}\n\nretry: 5\n\ndata:x\r\n\r\n';
    for (const size of [1, 2, 7, 100]) {
      const lines = new EventLines();
      const events: unknown[] = [];
      for (let i = 0; i < text.length; i += size) events.push(...lines.add(text.slice(i, i + size)));
      assert.deepEqual(events, [null, { name: 'end', data: '{"a":\n1}' }, { name: 'message', data: 'x' }]);
    }
  });
});
