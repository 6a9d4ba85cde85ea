import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { LiveMessageSchema, ViewerMessageSchema, type ViewerMessage } from '../src/gen/telemetry/v1/live_pb';
import { backOffMs } from '../src/wire/back_off';
import { afterClose } from '../src/wire/close_codes';
import { LiveClient, type Feed, type Socket, type SubscribeRequest } from '../src/wire/live_client';

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
  deliver(message: MessageInitShape<typeof LiveMessageSchema>): void {
    const bytes = toBinary(LiveMessageSchema, create(LiveMessageSchema, message));
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
  dice = 0.5;
  client = new LiveClient({
    open: () => {
      const socket = new FakeSocket();
      this.sockets.push(socket);
      return socket;
    },
    nowMs: () => this.now,
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

function feed(over: Partial<SubscribeRequest> = {}) {
  const received: unknown[] = [];
  const asked: boolean[] = [];
  const made = {
    received,
    asked,
    settled: false,
    request: (resuming: boolean) => {
      asked.push(resuming);
      return { devices: [], series: ['*'], fromUs: 1, toUs: 0, width: 10, maximumRateHz: 0, ...over };
    },
    receive: (message: unknown) => received.push(message),
    isSettled: () => made.settled,
  };
  return made satisfies Feed;
}

describe('LiveClient', () => {
  let world: World;
  beforeEach(() => {
    world = new World();
  });

  it('says hello and every subscription when the socket opens', () => {
    world.client.subscribe(feed());
    world.client.start();
    world.socket.accept();
    assert.deepEqual(
      world.socket.sent.map((one) => one.message.case),
      ['hello', 'subscribe'],
    );
    assert.equal(world.client.status.kind, 'open');
  });

  it('hands messages on once a frame, in order', () => {
    const one = feed();
    world.client.subscribe(one);
    world.client.start();
    world.socket.accept();
    world.socket.deliver({ sentUs: 1 });
    world.socket.deliver({ sentUs: 2 });
    assert.equal(one.received.length, 0);
    assert.equal(world.frames.length, 1);
    world.frame();
    assert.deepEqual(
      one.received.map((message) => (message as { sentUs: number }).sentUs),
      [1, 2],
    );
  });

  it('resumes by position and event id, but only what is settled', async () => {
    const settled = feed();
    const loading = feed();
    settled.settled = true;
    world.client.subscribe(settled);
    world.client.subscribe(loading);
    world.client.start();
    world.socket.accept();
    world.socket.deliver({ position: new Uint8Array([7, 8]), eventId: 42 });
    await world.socket.end(1006); // what has arrived is drained first, frame or not
    world.advance(1000);
    world.socket.accept();
    const hello = world.socket.of('hello')[0].value as { resumePosition: Uint8Array; resumeEventId: number };
    assert.deepEqual([...hello.resumePosition], [7, 8]);
    assert.equal(hello.resumeEventId, 42);
    const positions = world.socket.of('subscribe').map((one) => (one.value as { resumePosition: Uint8Array }).resumePosition.length);
    assert.deepEqual(positions, [2, 0]);
    assert.deepEqual(settled.asked, [false, true]);
    assert.deepEqual(loading.asked, [false, false]);
  });

  it('stops at 40xx and starts again when told', async () => {
    world.client.start();
    world.socket.accept();
    await world.socket.end(4003, 'revoked');
    assert.deepEqual(world.client.status, { kind: 'stopped', code: 4003, reason: 'revoked' });
    world.advance(600_000);
    assert.equal(world.sockets.length, 1);
    world.client.start();
    assert.equal(world.sockets.length, 2);
  });

  it('reconnects at once after 42xx, once; then it backs off', async () => {
    world.client.start();
    world.socket.accept();
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

  it('pings in silence and gives the connection up at twice the heartbeat', async () => {
    world.client.start();
    world.socket.accept();
    world.socket.deliver({ hub: { version: '1', serverTimeUs: 1, heartbeatMs: 10_000 } });
    world.frame();
    world.advance(16_000);
    assert.ok(world.socket.of('ping').length > 0);
    const dead = world.socket;
    world.advance(10_000);
    await new Promise((resolve) => setImmediate(resolve));
    assert.notEqual(dead.closedWith, null);
    assert.equal(world.client.status.kind, 'reconnecting');
  });

  it('re-parameterises in place and unsubscribes', () => {
    const one = feed();
    world.client.start();
    world.socket.accept();
    const id = world.client.subscribe(one);
    world.client.update(id);
    world.client.unsubscribe(id);
    const ids = [...world.socket.of('subscribe'), ...world.socket.of('unsubscribe')].map((m) => (m.value as { id: number }).id);
    assert.deepEqual(ids, [id, id, id]);
    world.socket.deliver({ sentUs: 1 });
    world.frame();
    assert.equal(one.received.length, 0);
  });

  it('does not wait for a frame when too much is queued', () => {
    const one = feed();
    world.client.subscribe(one);
    world.client.start();
    world.socket.accept();
    const large = new Uint8Array(1024 * 1024);
    for (let i = 0; i < 5; ++i) world.socket.deliver({ position: large });
    assert.ok(one.received.length > 0);
  });

  it('leaves a connection that speaks something else', async () => {
    world.client.start();
    world.socket.accept();
    world.socket.onmessage?.({ data: new Uint8Array([255, 255, 255]).buffer });
    world.frame();
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(world.client.status.kind, 'reconnecting');
  });

  it('forgets position and subscriptions when stopped', () => {
    world.client.subscribe(feed());
    world.client.start();
    world.socket.accept();
    world.socket.deliver({ position: new Uint8Array([1]), eventId: 3 });
    world.frame();
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
