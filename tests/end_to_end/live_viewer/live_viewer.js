#!/usr/bin/env node
// Follows a hub's live link and prints what it learns, one JSON object a line.
//
//   node live_viewer.js --url wss://localhost:8443 --ca hub-ca.pem (--cookie hub_session=… | --token API_TOKEN | --ticket TICKET)
//     [--device NAME]… [--series PATTERN]…
//     [--from US] [--to US] [--width N] [--rate HZ] [--resume BASE64] [--resume-event ID] [--insecure]
//
// Without --series it subscribes to nothing and takes requests only. Requests on stdin, one JSON object a line, named as
// in live.proto: {"subscribe": {"id": 1, "selector": {"series": ["*"]}, "fromUs": 0}}, {"unsubscribe": {"id": 1}},
// {"ping": {"nonce": 7}}, {"hello": {"resumeEventId": 5}}; resumePosition takes base64. {"pause_reading": true} stops taking from the
// socket, to be a slow viewer; {"close": true} ends. The end of stdin changes nothing. Exit code 0 after a close 1000 or
// our own, 1 otherwise; the last line is {"type": "closed", "code", "reason"}.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import protobuf from 'protobufjs';
import WebSocket from 'ws';
import { LiveView } from './live_view.js';

const { values: options } = parseArgs({
  options: {
    url: { type: 'string' },
    ca: { type: 'string' },
    insecure: { type: 'boolean', default: false },
    cookie: { type: 'string' },
    token: { type: 'string' },
    ticket: { type: 'string' },
    device: { type: 'string', multiple: true, default: [] },
    series: { type: 'string', multiple: true, default: [] },
    from: { type: 'string', default: '0' },
    to: { type: 'string', default: '0' },
    width: { type: 'string', default: '0' },
    rate: { type: 'string', default: '0' },
    resume: { type: 'string' },
    'resume-event': { type: 'string', default: '0' },
  },
});
if (!options.url) {
  process.stderr.write('live_viewer: --url wss://HOST:PORT is needed\n');
  process.exit(2);
}

const protoFolder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../../proto');
const root = new protobuf.Root();
root.resolvePath = (_, target) => path.resolve(protoFolder, target);
root.loadSync('telemetry/v1/live.proto');
const ViewerMessage = root.lookupType('telemetry.v1.ViewerMessage');
const LiveMessage = root.lookupType('telemetry.v1.LiveMessage');

const tell = (object) => process.stdout.write(`${JSON.stringify(object)}\n`);
const view = new LiveView(tell);
const url = new URL('/api/v1/live', options.url);
if (options.ticket) url.searchParams.set('ticket', options.ticket);
const socket = new WebSocket(url, 'telemetry.live.v1', {
  ca: options.ca ? readFileSync(options.ca) : undefined,
  rejectUnauthorized: !options.insecure,
  perMessageDeflate: false,
  headers: {
    ...(options.cookie ? { Cookie: options.cookie } : {}),
    ...(options.token ? { Authorization: `Bearer ${options.token}` } : {}),
    Origin: `https://${url.host}`,
  },
});
socket.binaryType = 'nodebuffer';

const send = (message) => socket.send(ViewerMessage.encode(ViewerMessage.fromObject(message)).finish());

socket.on('open', () => {
  tell({ type: 'open', subprotocol: socket.protocol });
  send({ hello: { resumeEventId: Number(options['resume-event']) } });
  if (options.series.length > 0) {
    send({
      subscribe: {
        id: 1,
        selector: { devices: options.device, series: options.series },
        fromUs: Number(options.from),
        toUs: Number(options.to),
        width: Number(options.width),
        maximumRateHz: Number(options.rate),
        resumePosition: options.resume ?? '',
      },
    });
  }
  const requests = createInterface({ input: process.stdin });
  requests.on('line', (line) => {
    if (line.trim() === '') return;
    const request = JSON.parse(line);
    if ('pause_reading' in request) {
      if (request.pause_reading) socket.pause();
      else socket.resume();
    } else if (request.close) {
      socket.close(1000);
    } else {
      send(request);
    }
  });
});
socket.on('message', (data, isBinary) => {
  if (!isBinary) throw new Error('a text message');
  view.apply(LiveMessage.decode(data));
});
socket.on('unexpected-response', (_, response) => {
  tell({ type: 'refused', status: response.statusCode });
  process.exit(1);
});
socket.on('error', (error) => process.stderr.write(`live_viewer: ${error.message}\n`));
socket.on('close', (code, reason) => {
  tell({ type: 'closed', code, reason: reason.toString() });
  process.exitCode = code === 1000 || code === 1005 ? 0 : 1;
  process.stdin.destroy();
});
