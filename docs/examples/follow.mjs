#!/usr/bin/env node
// Follows a hub and prints readings as CSV: history first, then live, through lost connections, each reading once. With the
// hub's own TypeScript client (dashboard/src/wire), which does all that follow.py does by hand.
//
//   npm ci --prefix docs/examples
//   HUB_TOKEN=… NODE_EXTRA_CA_CERTS=hub-ca.pem node docs/examples/follow.mjs https://HOST:8443 --device greenhouse-1 --series 'temp*' --ago 300
//
// The token is an API token with the scope read (dashboard: Account, or POST /api/v1/tokens); hub-ca.pem is the hub's own
// authority (DATA_DIR/tls/ca.pem). Gaps and what happens to the connection are told on stderr. Ctrl-C ends it.
import { parseArgs } from 'node:util';
import WebSocket from 'ws';
import { connect } from './lib/telemetry-live.mjs';

const usage = 'follow.mjs https://HOST:PORT [--device NAME]… [--group NAME]… [--series PATTERN]… [--ago SECONDS] [--rate HZ] [--events]';

function fail(text, code = 1) {
  process.stderr.write(`${text}\n`);
  process.exit(code);
}

function options() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        device: { type: 'string', multiple: true, default: [] },
        group: { type: 'string', multiple: true, default: [] },
        series: { type: 'string', multiple: true, default: ['*'] },
        ago: { type: 'string', default: '0' },
        rate: { type: 'string', default: '0' },
        events: { type: 'boolean', default: false }, // server-sent ones, not a WebSocket
      },
    });
    if (positionals.length !== 1) throw new Error('one hub is needed');
    if (!process.env.HUB_TOKEN) throw new Error('HUB_TOKEN is not set: an API token with the scope read');
    return { ...values, url: positionals[0] };
  } catch (error) {
    return fail(`${error.message}\nusage: ${usage}`, 2);
  }
}

const { url, device, group, series, ago, rate, events } = options();
const tell = (text) => process.stderr.write(`# ${text}\n`);
const quoted = (value) => (/[",\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : value);
const print = (...cells) => process.stdout.write(`${cells.map(quoted).join(',')}\n`);
const seconds = (us) => (us / 1e6).toFixed(6);
const plain = (value) => (Array.isArray(value) ? value.join(' ') : typeof value === 'boolean' ? Number(value) : value);

const hub = connect({
  url,
  token: process.env.HUB_TOKEN,
  fallback: events ? 'only' : true,
  socket: (address, protocols) => new WebSocket(address, protocols, { perMessageDeflate: false }),
});
const names = new Map(); // of devices; the list comes before the first readings, or with them
hub.onPresence((change) => names.set(change.device, change.name));
hub.onStatus((status) => {
  if (status.kind === 'reconnecting') tell(`connection lost (${status.code}); again in a moment`);
  if (status.kind === 'stopped') fail(`the hub ended it: ${status.reason} (${status.code})`);
});

let subscription;
try {
  subscription = hub.subscribe({ devices: device, groups: group, series, agoUs: Number(ago) * 1e6, rateHz: Number(rate) });
} catch (error) {
  fail(error.message, 2);
}
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => hub.stop()); // ends the loop below
process.stdout.on('error', () => process.exit(0)); // whoever read us has enough

print('time', 'device', 'series', 'value', 'unit', 'count', 'minimum', 'maximum');
const named = (id) => names.get(id) ?? id;
for await (const happening of subscription) {
  const { kind, series: of } = happening;
  if (kind === 'readings') {
    happening.values.forEach((value, i) => {
      print(seconds(happening.timesUs[i]), named(of.device), of.name, plain(value), of.unit, 1, '', '');
    });
  } else if (kind === 'conflated' && (of.type === 'number' || of.type === 'boolean')) {
    const { lastTimeUs, last, count, minimum, maximum } = happening;
    print(seconds(lastTimeUs), named(of.device), of.name, last, of.unit, count, minimum, maximum);
  } else if (kind === 'gap') {
    const { device: id, fromUs, toUs, count, atMost, reason } = happening.gap;
    const what = of ? `${named(id)} ${of.name}` : `all of ${named(id)}`;
    tell(`gap: ${what}, ${seconds(fromUs)} to ${seconds(toUs)}, ${atMost ? 'at most ' : ''}${count} readings, ${reason}`);
  } else if (kind === 'freshness') {
    tell(`${named(of.device)} ${of.name}: ${happening.stale ? 'silent' : 'goes on'}`);
  } else if (kind === 'begin' && happening.restarted) {
    tell('what was missed is no longer held: everything comes again');
  } else if (kind === 'phase' && (happening.phase === 'conflated' || happening.phase === 'latest_only')) {
    tell('too slow for every reading: the hub holds some back or sums them up');
  } else if (kind === 'error') {
    fail(`the hub refuses: ${happening.message} (${happening.code})`);
  }
}
