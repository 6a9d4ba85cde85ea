// Peer: `ws`, as one writes a fan-out with it. node ws_server.mjs PORT [CERTIFICATE KEY]; says "ready".
import { readFileSync } from 'node:fs';
import { createServer as createPlain } from 'node:http';
import { createServer as createTls } from 'node:https';
import { WebSocketServer } from 'ws';

const [port, certificate, key] = process.argv.slice(2);
const server = certificate
  ? createTls({ cert: readFileSync(certificate), key: readFileSync(key), minVersion: 'TLSv1.3' })
  : createPlain();
const sockets = new WebSocketServer({ server, perMessageDeflate: false });
const subscribers = new Set();
sockets.on('connection', (socket, request) => {
  socket.on('error', () => {});
  if (request.url === '/subscribe') {
    subscribers.add(socket);
    socket.on('close', () => subscribers.delete(socket));
  } else {
    socket.on('message', (message) => {
      for (const subscriber of subscribers) subscriber.send(message, { binary: true });
    });
  }
});
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 }, () => process.stdout.write('ready\n'));
