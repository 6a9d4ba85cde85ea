import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Problem, Unreachable } from '../src/wire/problem';
import { mayAct, RestClient, type Fetch } from '../src/wire/rest_client';

interface Call {
  path: string;
  init: RequestInit;
}
function hub(answer: (call: Call) => Response) {
  const calls: Call[] = [];
  const fetch: Fetch = async (path, init) => {
    calls.push({ path, init });
    return answer({ path, init });
  };
  return { calls, fetch };
}
const json = (status: number, body: unknown) => new Response(JSON.stringify(body), { status });

describe('RestClient', () => {
  it('follows the cursor until there is no next page', async () => {
    const { calls, fetch } = hub(({ path }) =>
      json(200, path.includes('after=b') ? { devices: [{ id: 'c' }], next: null } : { devices: [{ id: 'a' }, { id: 'b' }], next: 'b' }),
    );
    const devices = await new RestClient(fetch).devices();
    assert.deepEqual(
      devices.map((device) => device.id),
      ['a', 'b', 'c'],
    );
    assert.equal(calls.length, 2);
  });

  it('turns problem+json into a Problem with field and request id', async () => {
    const { fetch } = hub(() =>
      json(400, { type: '/problems/invalid_argument', title: 'Invalid argument', detail: 'too long', field: '/name', request_id: 'r7' }),
    );
    await assert.rejects(new RestClient(fetch).createRule({} as never), (error: unknown) => {
      assert.ok(error instanceof Problem);
      assert.deepEqual([error.status, error.detail, error.field, error.requestId], [400, 'too long', '/name', 'r7']);
      return true;
    });
  });

  it('survives an error that is not JSON', async () => {
    const { fetch } = hub(() => new Response('<html>bad gateway', { status: 502 }));
    await assert.rejects(new RestClient(fetch).hub(), (error: unknown) => error instanceof Problem && error.status === 502);
  });

  it('calls signedOut at 401, but not for a wrong password', async () => {
    let count = 0;
    const { fetch } = hub(() => json(401, { title: 'x' }));
    const rest = new RestClient(fetch, () => ++count);
    await assert.rejects(rest.signIn('a', 'b'));
    assert.equal(count, 0);
    await assert.rejects(rest.alerts('firing', 10));
    assert.equal(count, 1);
  });

  it('says Unreachable when nothing answers within the deadline', async () => {
    const fetch: Fetch = (_path, init) =>
      new Promise((_resolve, reject) => init.signal?.addEventListener('abort', () => reject(new Error('aborted'))));
    await assert.rejects(new RestClient(fetch, () => {}, 5).hub(), Unreachable);
  });

  it('sends the idempotency key, If-Match and escaped names', async () => {
    const { calls, fetch } = hub(() => json(200, {}));
    const rest = new RestClient(fetch);
    await rest.run('a/b', 'ping', undefined, 'key1');
    await rest.updateRule('r1', {} as never, '"3"');
    assert.equal(calls[0].path, '/api/v1/devices/a%2Fb/executions');
    assert.equal((calls[0].init.headers as Record<string, string>)['Idempotency-Key'], 'key1');
    assert.equal(calls[0].init.body, '{"command":"ping"}');
    assert.equal((calls[1].init.headers as Record<string, string>)['If-Match'], '"3"');
  });
});

describe('roles', () => {
  it('include the lesser ones', () => {
    const user = { id: '1', name: 'x', role: 'operator' as const };
    assert.equal(mayAct(user, 'viewer'), true);
    assert.equal(mayAct(user, 'operator'), true);
    assert.equal(mayAct(user, 'admin'), false);
  });
});
