import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { connect, partsOf } from '../src/wire/connect';
import { Refused, type Socket } from '../src/wire/socket';

const answer = (status: number, body: unknown = null) => ({ status, ok: status < 300, json: async () => body }) as Response;

function world(status = 201) {
  const calls: { url: string; init: RequestInit }[] = [];
  const sockets: { url: string; protocols: string[]; headers: Record<string, string> }[] = [];
  return {
    calls,
    sockets,
    fetch: async (url: string, init: RequestInit) => {
      calls.push({ url, init });
      return answer(status, { ticket: 'a+b' });
    },
    socket: (url: string, protocols: string[], headers: Record<string, string>) => {
      sockets.push({ url, protocols, headers });
      return {} as Socket;
    },
  };
}

describe('connecting', () => {
  it('fetches a ticket with the token before each connection', async () => {
    const outside = world();
    const parts = partsOf({ url: 'https://hub:8443', token: 'secret', ...outside });
    await parts.open();
    assert.deepEqual(outside.sockets, [{ url: 'wss://hub:8443/api/v1/live?ticket=a%2Bb', protocols: ['telemetry.live.v1'], headers: {} }]);
    const { url, init } = outside.calls[0];
    assert.deepEqual([init.method, url], ['POST', 'https://hub:8443/api/v1/tickets']);
    assert.equal((init.headers as Record<string, string>).Authorization, 'Bearer secret');
  });

  it('stops where the token is refused, and tries again where the hub is away', async () => {
    for (const [status, reason] of [
      [401, 'signed out'],
      [403, 'forbidden'],
    ] as const) {
      const parts = partsOf({ url: 'wss://hub', token: 'secret', ...world(status) });
      await assert.rejects(async () => parts.open(), (error) => error instanceof Refused && error.reason === reason);
    }
    const parts = partsOf({ url: 'wss://hub', token: 'secret', ...world(503) });
    await assert.rejects(async () => parts.open(), (error) => !(error instanceof Refused));
  });

  it('gives headers to the socket and to the question whether it is signed in', async () => {
    const outside = world(401);
    const headers = { Authorization: 'Bearer secret' };
    const parts = partsOf({ url: 'http://hub:8080', headers, ...outside });
    void parts.open();
    assert.deepEqual(outside.sockets, [{ url: 'ws://hub:8080/api/v1/live', protocols: ['telemetry.live.v1'], headers }]);
    assert.equal(await parts.isSignedIn(), false);
    assert.equal(outside.calls[0].url, 'http://hub:8080/api/v1/session');
    assert.equal((outside.calls[0].init.headers as Record<string, string>).Authorization, 'Bearer secret');
  });

  it('is started, and ends for good with stop', async () => {
    const outside = world(401);
    const client = connect({ url: 'https://hub', token: 'secret', ...outside });
    assert.equal(client.status.kind, 'connecting');
    client.stop();
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(client.status.kind, 'idle');
  });
});
