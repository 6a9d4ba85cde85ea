import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { LiveMessageSchema, ViewerMessageSchema, type ViewerMessage } from '../src/gen/telemetry/v1/live_pb';
import { backOffMs } from '../src/wire/back_off';
import { afterClose } from '../src/wire/close_codes';
import type { Happening } from '../src/wire/happenings';
import { HubClock } from '../src/wire/hub_clock';
import { LiveClient } from '../src/wire/live_client';
import { Refused, type Socket } from '../src/wire/socket';
import type { SubscribeOptions } from '../src/wire/subscribe_options';

class FakeSocket implements Socket {
  binaryType = '';
  onopen: Socket['onopen'] = null;
  onmessage: Socket['onmessage'] = null;
  onclose: Socket['onclose'] = null;
  onerror: Socket['onerror'] = null;
  sent: ViewerMessage[] = [];
  closedWith: number | null = null;
  send(data: Uint8Array): void {
    this.sent.push(fromBinary(ViewerMessageSchema, data));
  }
  close(code?: number): void {
    this.closedWith = code ?? 1005;
  }
  accept(): void {
    this.onopen?.(undefined as never);
  }
  /** With the hub's time, as the last message of a write has it. */
  deliver(message: MessageInitShape<typeof LiveMessageSchema>, sentUs = 1): void {
    const bytes = toBinary(LiveMessageSchema, create(LiveMessageSchema, { sentUs, ...message }));
    this.onmessage?.({ data: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) });
  }
  async end(code: number, reason = ''): Promise<void> {
    this.onclose?.({ code, reason });
    await new Promise((resolve) => setImmediate(resolve)); // the sign-in check is asynchronous
  }
  of(kind: string): ViewerMessage['message'][] {
    return this.sent.map((one) => one.message).filter((message) => message.case === kind);
  }
}

class World {
  sockets: FakeSocket[] = [];
  now = 1000;
  timers: { at: number; action: () => void }[] = [];
  frames: (() => void)[] = [];
  signedIn = true;
  opens: (() => Promise<Socket>) | null = null;
  dice = 0.5;
  client = new LiveClient({
    open: () => {
      if (this.opens) return this.opens();
      const socket = new FakeSocket();
      this.sockets.push(socket);
      return socket;
    },
    nowMs: () => this.now,
    wallMs: () => 1_700_000_000_000 + this.now,
    random: () => this.dice,
    setTimer: (action, ms) => {
      const timer = { at: this.now + ms, action };
      this.timers.push(timer);
      return timer;
    },
    clearTimer: (timer) => {
      this.timers = this.timers.filter((one) => one !== timer);
    },
    nextFrame: (action) => this.frames.push(action),
    isSignedIn: async () => this.signedIn,
  });

  get socket(): FakeSocket {
    return this.sockets[this.sockets.length - 1];
  }
  frame(): void {
    for (const action of this.frames.splice(0)) action();
  }
  advance(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const due = this.timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.timers = this.timers.filter((one) => one !== due);
      this.now = Math.max(this.now, due.at);
      due.action();
    }
    this.now = end;
  }
}

const info = { series: 1, deviceId: 'd', name: 'cpu', unit: '%', type: 1, intervalMs: 1000, revision: 1 };
const settle = () => new Promise((resolve) => setImmediate(resolve));
type Message = MessageInitShape<typeof LiveMessageSchema>;
interface Asked {
  id: number;
  fromUs: number;
  maximumRateHz: number;
  paused: boolean;
  resumePosition: Uint8Array;
}

describe('LiveClient', () => {
  let world: World;
  let told: Happening[];
  beforeEach(() => {
    world = new World();
    told = [];
  });
  const open = () => {
    if (world.client.status.kind === 'idle') world.client.start();
    world.socket.accept();
  };
  const tell = (...messages: Message[]) => {
    for (const message of messages) world.socket.deliver(message);
    world.frame();
  };
  const subscribe = (options: SubscribeOptions = { series: ['*'], fromUs: 5 }) =>
    world.client.subscribe(options, (happening) => told.push(happening));
  const answer = (id: number, ...phases: number[]): Message => ({
    subscribed: [{ id, series: [info] }],
    phases: phases.map((phase) => ({ subscription: id, phase })),
  });
  const phase = (subscription: number, said: number): Message => ({ phases: [{ subscription, phase: said }] });
  const asked = (socket = world.socket) => socket.of('subscribe').map((one) => one.value as Asked);
  const values = () => told.flatMap((one) => (one.kind === 'readings' ? one.values : []));
  const kinds = () => told.map((one) => one.kind);

  it('says hello and every subscription when the socket opens', () => {
    subscribe();
    open();
    assert.deepEqual(
      world.socket.sent.map((one) => one.message.case),
      ['hello', 'subscribe'],
    );
    assert.equal(world.client.status.kind, 'open');
  });

  it('tells a subscription from its answer to its live readings', () => {
    const one = subscribe({ series: ['*'], fromUs: 10, width: 5 });
    open();
    tell(answer(one.id, 1));
    tell({
      history: [
        { subscription: one.id, series: 1, fromUs: 10, toUs: 60, width: 5, bucket: [2], count: [3], minimum: [1], maximum: [9], first: [1], last: [2], sum: [12], done: true },
      ],
    });
    tell(phase(one.id, 2), { updates: [{ series: 1, subscription: one.id, timeUs: 61, timeDeltaUs: [2], numbers: [4, 5] }] });
    tell({ phases: [{ subscription: one.id, phase: 3, tierHz: 5 }] });
    tell({
      updates: [
        { series: 1, timeUs: 64, numbers: [6], late: true },
        { series: 1, timeUs: 65, conflated: { minimum: 0, maximum: 8, first: 1, last: 2, sum: 20, count: 7, lastTimeUs: 70 } },
      ],
      gaps: [{ series: 0, deviceId: 'd', fromUs: 1, toUs: 2, count: 3, atMost: true, reason: 1 }],
      freshness: [{ series: 1, stale: true, sinceUs: 65 }],
    });
    const series = { id: 1, device: 'd', name: 'cpu', unit: '%', type: 'number', intervalMs: 1000, revision: 1 };
    const begin = told[1] as Happening & { kind: 'begin' };
    assert.deepEqual(told, [
      { kind: 'series', series: [series], added: false },
      { kind: 'begin', fromUs: 10, toUs: begin.toUs, width: 5, restarted: false },
      { kind: 'phase', phase: 'history', tierHz: 0 },
      { kind: 'buckets', series, fromUs: 10, toUs: 60, width: 5, buckets: [{ index: 2, count: 3, minimum: 1, maximum: 9, first: 1, last: 2, sum: 12 }] },
      { kind: 'history_done', series },
      { kind: 'phase', phase: 'catch_up', tierHz: 0 },
      { kind: 'readings', series, source: 'catch_up', late: false, timesUs: [61, 63], values: [4, 5] },
      { kind: 'phase', phase: 'live', tierHz: 5 },
      { kind: 'readings', series, source: 'live', late: true, timesUs: [64], values: [6] },
      { kind: 'conflated', series, source: 'live', late: false, timeUs: 65, lastTimeUs: 70, minimum: 0, maximum: 8, first: 1, last: 2, sum: 20, count: 7 },
      { kind: 'gap', series: null, gap: { device: 'd', fromUs: 1, toUs: 2, count: 3, atMost: true, reason: 'spool_full' } },
      { kind: 'freshness', series, stale: true, sinceUs: 65 },
    ]);
  });

  it('gives what is for all to every live subscription that holds the series, and to no other', () => {
    const heard = new Map<number, unknown[]>();
    const make = () => {
      const got: unknown[] = [];
      const one = world.client.subscribe({ series: ['*'] }, (h) => h.kind === 'readings' && got.push(...h.values));
      heard.set(one.id, got);
      return one.id;
    };
    const [live, conflated, paused, other] = [make(), make(), make(), make()];
    open();
    tell(answer(live, 1, 3), answer(conflated, 1, 4), answer(paused, 1, 7));
    tell({ subscribed: [{ id: other, series: [{ ...info, series: 2 }] }], phases: [{ subscription: other, phase: 3 }] });
    tell({ updates: [{ series: 1, timeUs: 1, numbers: [7] }] });
    tell({ updates: [{ series: 1, timeUs: 2, numbers: [8], subscription: paused }] });
    assert.deepEqual([live, conflated, paused, other].map((id) => heard.get(id)), [[7], [7], [8], []]);
  });

  it('tells presence and events of the session', () => {
    const seen: unknown[] = [];
    world.client.onPresence((change) => seen.push(change));
    world.client.onEvent((event) => seen.push(event));
    open();
    tell({
      presence: [{ deviceId: 'd', deviceName: 'pi', presence: 1, lastSeenUs: 5 }],
      events: [{ id: 3, timeUs: 6, deviceId: 'd', kind: 'alert', objectId: 'a', bodyJson: '{"state":"firing"}' }],
      eventId: 3,
    });
    assert.deepEqual(seen, [
      { device: 'd', name: 'pi', presence: 'online', lastSeenUs: 5, removed: false },
      { id: 3, timeUs: 6, device: 'd', kind: 'alert', object: 'a', body: { state: 'firing' } },
    ]);
    assert.equal(world.client.eventId, 3);
  });

  it('tells each gap once, until everything comes anew', () => {
    const one = subscribe();
    const gap: Message = { gaps: [{ series: 1, deviceId: 'd', fromUs: 1, toUs: 2, count: 3, reason: 2 }] };
    open();
    tell(answer(one.id, 1), gap, gap, { gaps: [{ series: 9, deviceId: 'd', fromUs: 1, toUs: 2 }] });
    assert.equal(kinds().filter((kind) => kind === 'gap').length, 1);
    tell(phase(one.id, 6), phase(one.id, 1), gap);
    assert.equal(kinds().filter((kind) => kind === 'gap').length, 2);
  });

  it('hands messages on once a frame, in order', () => {
    const one = subscribe();
    open();
    world.socket.deliver(answer(one.id, 1, 3));
    world.socket.deliver({ updates: [{ series: 1, timeUs: 1, numbers: [1] }] });
    world.socket.deliver({ updates: [{ series: 1, timeUs: 2, numbers: [2] }] });
    assert.equal(told.length, 0);
    assert.equal(world.frames.length, 1);
    world.frame();
    assert.deepEqual(values(), [1, 2]);
  });

  it('keeps the parts of one write together, and drops what was not finished', async () => {
    const one = subscribe();
    open();
    tell(answer(one.id, 1, 3));
    world.socket.deliver({ updates: [{ series: 1, timeUs: 1, numbers: [1] }] }, 0);
    world.frame();
    assert.deepEqual(values(), [], 'the position behind it is still to come');
    tell({ position: new Uint8Array([1]) });
    assert.deepEqual(values(), [1]);
    world.socket.deliver({ updates: [{ series: 1, timeUs: 2, numbers: [2] }] }, 0);
    await world.socket.end(1006);
    assert.deepEqual(values(), [1], 'it comes again, since it lies behind the position');
    world.advance(1000);
    world.socket.accept();
    tell(answer(one.id, 3), { updates: [{ series: 1, timeUs: 2, numbers: [2] }] });
    assert.deepEqual(values(), [1, 2]);
  });

  it('has one request on its way, and sends the newest wish after its answer', () => {
    const one = subscribe({ series: ['*'], fromUs: 5 });
    open();
    one.update({ fromUs: 6 });
    one.update({ fromUs: 7 });
    assert.deepEqual(asked().map((request) => request.fromUs), [5]);
    tell(answer(one.id, 1));
    assert.deepEqual(asked().map((request) => request.fromUs), [5, 7]);
    assert.deepEqual(told, [], 'of the answer that is over already nothing is told');
    tell(answer(one.id, 1, 3));
    assert.deepEqual(kinds(), ['series', 'begin', 'phase', 'phase']);
    assert.equal((told[1] as { fromUs: number }).fromUs, 7);
  });

  it('changes rate and pause in place, without waiting for an answer', () => {
    const one = subscribe({ series: ['*'], agoUs: 1000 });
    open();
    one.update({ rateHz: 5 });
    assert.equal(asked().length, 1, 'not while an answer is awaited');
    tell(answer(one.id, 1, 3));
    one.update({ paused: true });
    const [first, second, third] = asked();
    assert.equal(second.fromUs, first.fromUs, 'the same history: else the hub would send it again');
    assert.deepEqual([second.maximumRateHz, second.paused, third.maximumRateHz, third.paused], [5, false, 5, true]);
    one.update({ rateHz: 7 });
    assert.equal(asked().length, 3, '7 Hz is 5 Hz to the hub: it would take that for a new request');
    tell({ updates: [{ series: 1, timeUs: 1, numbers: [1] }] });
    tell(phase(one.id, 7), { updates: [{ series: 1, timeUs: 2, numbers: [2] }] });
    assert.deepEqual(values(), [1]);
  });

  it('keeps what was there when the hub refuses a change', () => {
    const one = subscribe();
    open();
    tell(answer(one.id, 1, 3));
    one.update({ groups: ['nowhere'] });
    tell({ error: { subscription: one.id, code: 'forbidden', message: 'groups: no' } });
    assert.deepEqual(told.at(-1), { kind: 'error', code: 'forbidden', message: 'groups: no', refused: true });
    tell({ updates: [{ series: 1, timeUs: 1, numbers: [1] }] });
    assert.deepEqual(values(), [1]);
    assert.equal(one.options.groups, undefined);
    one.update({ rateHz: 1 });
    assert.equal(asked().length, 3);
  });

  it('asks again after a while where the store failed', () => {
    const one = subscribe();
    open();
    tell(answer(one.id, 1), { error: { subscription: one.id, code: 'storage_failed', message: 'no' } });
    assert.equal((told.at(-1) as { refused: boolean }).refused, false);
    world.advance(600);
    assert.equal(asked().length, 2);
    tell(answer(one.id, 1, 3));
    assert.equal(one.phase, 'live');
  });

  it('refuses options that make no sense, by name', () => {
    for (const [options, name] of [
      [{ width: 1.5 }, 'width'],
      [{ toUs: 5 }, 'toUs'],
      [{ fromUs: 5, toUs: 5 }, 'toUs'],
      [{ fromUs: 5, agoUs: 5 }, 'agoUs'],
      [{ rateHz: -1 }, 'rateHz'],
      [{ fromUs: NaN }, 'fromUs'],
    ] as [SubscribeOptions, string][]) {
      assert.throws(() => subscribe(options), (error: Error) => error instanceof RangeError && error.message.startsWith(name));
    }
  });

  it('resumes by position and event id, but only what was answered', async () => {
    const answered = subscribe();
    const waiting = subscribe();
    open();
    tell(answer(answered.id, 1, 3));
    world.socket.deliver({ position: new Uint8Array([7, 8]), eventId: 42 });
    await world.socket.end(1006); // what has arrived is drained first, frame or not
    world.advance(1000);
    world.socket.accept();
    const hello = world.socket.of('hello')[0].value as { resumeEventId: number };
    assert.equal(hello.resumeEventId, 42);
    assert.deepEqual(asked().map((request) => [request.id, [...request.resumePosition]]), [[answered.id, [7, 8]], [waiting.id, []]]);
    told = [];
    tell({ updates: [{ series: 1, timeUs: 3, numbers: [3] }] }); // of others: nothing is live yet
    tell(answer(answered.id, 2), { updates: [{ series: 1, subscription: answered.id, timeUs: 4, numbers: [4] }] });
    assert.deepEqual(values(), [4]);
    assert.ok(!kinds().includes('begin'), 'nothing comes again');
  });

  it('does not resume what was changed and not answered', async () => {
    const one = subscribe();
    open();
    tell(answer(one.id, 1, 3), { position: new Uint8Array([7]) });
    one.update({ fromUs: 9 });
    await world.socket.end(1006);
    world.advance(1000);
    world.socket.accept();
    assert.deepEqual(asked().map((request) => [request.fromUs, request.resumePosition.length]), [[9, 0]]);
  });

  it('resumes what was lost again before its answer, unless the position has moved on without it', async () => {
    const one = subscribe();
    open();
    tell(answer(one.id, 1, 3), { position: new Uint8Array([7]) });
    const again = async () => {
      await world.socket.end(1006);
      world.advance(16_000);
      world.socket.accept();
      return [...asked()[0].resumePosition];
    };
    assert.deepEqual(await again(), [7]);
    assert.deepEqual(await again(), [7], 'nothing was said of it meanwhile');
    tell({ position: new Uint8Array([8]) }); // of other subscriptions
    assert.deepEqual(await again(), []);
  });

  it('says that everything comes anew where the position is no longer held', async () => {
    const one = subscribe();
    open();
    tell(answer(one.id, 1, 3), { position: new Uint8Array([7]) });
    await world.socket.end(4203);
    world.advance(1000);
    world.socket.accept();
    told = [];
    tell(answer(one.id, 6, 1));
    assert.deepEqual(kinds(), ['series', 'phase', 'begin', 'phase']);
    assert.equal((told[2] as { restarted: boolean }).restarted, true);
  });

  it('stops at 40xx and starts again when told', async () => {
    open();
    await world.socket.end(4003, 'revoked');
    assert.deepEqual(world.client.status, { kind: 'stopped', code: 4003, reason: 'revoked' });
    world.advance(600_000);
    assert.equal(world.sockets.length, 1);
    world.client.start();
    assert.equal(world.sockets.length, 2);
  });

  it('reconnects at once after 42xx, once; then it backs off', async () => {
    open();
    await world.socket.end(4203);
    world.advance(125);
    assert.equal(world.sockets.length, 2);
    world.socket.accept();
    await world.socket.end(4203);
    world.advance(125);
    assert.equal(world.sockets.length, 2, 'a fresh connection that is closed again is no reason to hurry');
    world.advance(500);
    assert.equal(world.sockets.length, 3);
  });

  it('backs off longer with each failure, and anew after a connection that lasted', async () => {
    world.dice = 1;
    world.client.start();
    const delays: number[] = [];
    for (let i = 0; i < 4; ++i) {
      const before = world.sockets.length;
      await world.socket.end(1006);
      let waited = 0;
      while (world.sockets.length === before) {
        world.advance(100);
        waited += 100;
      }
      delays.push(waited);
    }
    assert.deepEqual(delays, [500, 1000, 2000, 4000]);
    world.socket.accept();
    world.advance(6000);
    await world.socket.end(1006);
    const count = world.sockets.length;
    world.advance(500);
    assert.equal(world.sockets.length, count + 1);
  });

  it('stops as signed out when the upgrade is refused and nobody is signed in', async () => {
    world.client.start();
    world.signedIn = false;
    await world.socket.end(1006);
    assert.deepEqual(world.client.status, { kind: 'stopped', code: 1006, reason: 'signed out' });
  });

  it('waits for what has to be fetched before a connection, and stops where that is refused', async () => {
    const late = new FakeSocket();
    let settleOpen: (socket: Socket) => void = () => {};
    const outcomes: (() => Promise<Socket>)[] = [
      () => new Promise((resolve) => (settleOpen = resolve)),
      () => Promise.reject(new Error('no answer')),
      () => Promise.reject(new Refused('signed out')),
    ];
    world.opens = () => outcomes.shift()!();
    world.client.start();
    settleOpen(late);
    await settle();
    late.accept();
    assert.equal(world.client.status.kind, 'open');
    await late.end(1006);
    world.advance(500);
    await settle();
    assert.equal(world.client.status.kind, 'reconnecting');
    world.advance(2000);
    await settle();
    assert.deepEqual(world.client.status, { kind: 'stopped', code: 1006, reason: 'signed out' });
  });

  it('pings in silence and gives the connection up at twice the heartbeat', async () => {
    open();
    tell({ hub: { version: '1', serverTimeUs: 1, heartbeatMs: 10_000 } });
    const pings = world.socket.of('ping').length;
    world.advance(16_000);
    assert.ok(world.socket.of('ping').length > pings);
    const dead = world.socket;
    world.advance(10_000);
    await settle();
    assert.notEqual(dead.closedWith, null);
    assert.equal(world.client.status.kind, 'reconnecting');
  });

  it('measures how long readings take in the hub and on the way', () => {
    const one = subscribe();
    open();
    const hubUs = 1_700_000_000_000_000;
    tell({ hub: { version: '1', serverTimeUs: hubUs, heartbeatMs: 10_000 }, sentUs: hubUs });
    const ping = world.socket.of('ping')[0].value as { nonce: number; clientTimeUs: number };
    world.now += 20;
    tell({ pong: { nonce: ping.nonce, clientTimeUs: ping.clientTimeUs, serverTimeUs: hubUs + 10_000 } });
    assert.equal(world.client.clock.nowUs(), hubUs + 30_000, 'the greeting took 10 ms as well');
    tell(answer(one.id, 1, 3));
    assert.equal(world.client.lag, null, 'history is old on purpose');
    world.now += 100;
    tell({ updates: [{ series: 1, timeUs: 1, numbers: [1] }], commitUs: hubUs + 100_000, sentUs: hubUs + 104_000 });
    assert.deepEqual(world.client.lag, { hubMs: 4, wayMs: 26 });
  });

  it('tells nothing after it was closed, and unsubscribes', () => {
    const one = subscribe();
    open();
    tell(answer(one.id, 1, 3));
    told = [];
    one.close();
    one.close();
    assert.deepEqual(world.socket.of('unsubscribe').map((m) => (m.value as { id: number }).id), [one.id]);
    tell({ updates: [{ series: 1, timeUs: 1, numbers: [1] }] });
    assert.deepEqual(told, []);
  });

  it('can be looped over', async () => {
    const one = world.client.subscribe({ series: ['*'] });
    open();
    tell(answer(one.id, 1, 3), { updates: [{ series: 1, timeUs: 1, timeDeltaUs: [1], numbers: [1, 2] }] });
    const seen: string[] = [];
    for await (const happening of one) {
      seen.push(happening.kind);
      if (happening.kind === 'readings') break;
    }
    assert.deepEqual(seen, ['series', 'begin', 'phase', 'phase', 'readings']);
    assert.equal(world.socket.of('unsubscribe').length, 1, 'who leaves the loop is done with it');
  });

  it('drops what a slow loop does not take, and begins anew for it', async () => {
    const one = world.client.subscribe({ series: ['*'], fromUs: 5 });
    open();
    tell(answer(one.id, 1, 3));
    const numbers = new Array<number>(300_000).fill(1);
    for (let i = 0; i < 6; ++i) tell({ updates: [{ series: 1, timeUs: 1, timeDeltaUs: numbers.slice(1), numbers }] });
    const loop = one[Symbol.asyncIterator]();
    let held = 0;
    for (;;) {
      const next = loop.next();
      const done = await Promise.race([next.then((result) => result), settle().then(() => null)]);
      if (!done) {
        assert.equal(asked().length, 2, 'emptied: it asks anew');
        tell({ updates: [{ series: 1, timeUs: 9, numbers: [9] }] }); // behind a hole
        tell(answer(one.id, 1, 3));
        assert.equal((await next).value.kind, 'series');
        break;
      }
      if (done.value?.kind === 'readings') held += done.value.values.length;
    }
    assert.ok(held <= 1_500_000, `${held} values held`);
    assert.equal((await loop.next()).value?.kind, 'begin');
  });

  it('goes on where a listener throws, and says so', () => {
    const one = world.client.subscribe({ series: ['*'] }, () => {
      throw new Error('of the listener');
    });
    const other = subscribe();
    open();
    tell({ ...answer(one.id, 1) }, answer(other.id, 1, 3), { position: new Uint8Array([1]) });
    assert.equal(other.phase, 'live');
    assert.throws(() => world.advance(1), /of the listener/);
  });

  it('does not wait for a frame when too much is queued', () => {
    const one = subscribe();
    open();
    world.socket.deliver(answer(one.id, 1, 3));
    const large = new Uint8Array(1024 * 1024);
    for (let i = 0; i < 5; ++i) world.socket.deliver({ position: large });
    assert.ok(told.length > 0);
  });

  it('leaves a connection that speaks something else', async () => {
    open();
    world.socket.onmessage?.({ data: new Uint8Array([255, 255, 255]).buffer });
    world.frame();
    await settle();
    assert.equal(world.client.status.kind, 'reconnecting');
  });

  it('forgets position and subscriptions when stopped', () => {
    subscribe();
    open();
    tell({ position: new Uint8Array([1]), eventId: 3 });
    world.client.stop();
    assert.equal(world.socket.closedWith, 1000);
    world.client.start();
    world.socket.accept();
    const hello = world.socket.of('hello')[0].value as { resumePosition: Uint8Array; resumeEventId: number };
    assert.equal(hello.resumePosition.length, 0);
    assert.equal(hello.resumeEventId, 0);
    assert.equal(world.socket.of('subscribe').length, 0);
  });
});

describe('HubClock', () => {
  it('follows the hub, not the browser, and trusts the least delayed message', () => {
    let monotonic = 0;
    const clock = new HubClock(
      () => monotonic,
      () => 5_000_000,
    );
    clock.sample(1_000_000_000);
    assert.equal(clock.nowUs(), 1_000_000_000);
    monotonic = 100;
    clock.sample(1_000_050_000); // 50 ms late
    assert.equal(clock.nowUs(), 1_000_100_000);
    clock.sample(0);
    assert.equal(clock.nowUs(), 1_000_100_000);
  });

  it('adds half the shortest round trip of the last minute', () => {
    let monotonic = 0;
    const clock = new HubClock(
      () => monotonic,
      () => 0,
    );
    clock.sample(1_000_000_000);
    clock.roundTrip(40);
    clock.roundTrip(90);
    assert.equal(clock.nowUs(), 1_000_020_000);
    monotonic = 61_000;
    clock.roundTrip(90);
    assert.equal(clock.nowUs(), 1_061_045_000);
  });
});

describe('close codes', () => {
  it('are classified by their hundred', () => {
    assert.equal(afterClose(4000), 'stop');
    assert.equal(afterClose(4099), 'stop');
    assert.equal(afterClose(4100), 'back_off');
    assert.equal(afterClose(4203), 'now');
    for (const code of [1000, 1001, 1006, 1011, 1012, 4300]) assert.equal(afterClose(code), 'back_off');
  });
});

describe('back-off', () => {
  it('spreads over the whole step and is capped', () => {
    assert.equal(backOffMs(0, () => 0), 0);
    assert.equal(backOffMs(2, () => 1), 2000);
    assert.equal(backOffMs(50, () => 1), 15_000);
  });
});
