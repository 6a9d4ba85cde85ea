// Peer: Socket.IO over its WebSocket transport, a room and an emit. node socketio_server.mjs PORT [CERTIFICATE KEY]; says "ready".
import { readFileSync } from 'node:fs';
import { createServer as createPlain } from 'node:http';
import { createServer as createTls } from 'node:https';
import { Server } from 'socket.io';

const [port, certificate, key] = process.argv.slice(2);
const server = certificate
  ? createTls({ cert: readFileSync(certificate), key: readFileSync(key), minVersion: 'TLSv1.3' })
  : createPlain();
const io = new Server(server, { transports: ['websocket'], perMessageDeflate: false, serveClient: false });
io.on('connection', (socket) => {
  socket.on('subscribe', (done) => {
    socket.join('all');
    done();
  });
  socket.on('publish', (message) => io.to('all').emit('message', message));
});
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 }, () => process.stdout.write('ready\n'));
