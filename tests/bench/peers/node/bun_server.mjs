// Peer: uWebSockets, as Bun carries it: topics and sockets are its own C++, JavaScript only hands each message over.
// bun bun_server.mjs PORT [CERTIFICATE KEY]; says "ready".
const [port, certificate, key] = process.argv.slice(2);
const server = Bun.serve({
  hostname: '127.0.0.1',
  port: Number(port),
  tls: certificate ? { cert: Bun.file(certificate), key: Bun.file(key) } : undefined,
  fetch(request, server) {
    const isSubscriber = new URL(request.url).pathname === '/subscribe';
    return server.upgrade(request, { data: { isSubscriber } }) ? undefined : new Response('WebSocket only', { status: 426 });
  },
  websocket: {
    perMessageDeflate: false,
    idleTimeout: 0,
    backpressureLimit: 64 * 1024 * 1024,
    open(socket) {
      if (socket.data.isSubscriber) socket.subscribe('bench');
    },
    message(_socket, message) {
      server.publish('bench', message);
    },
  },
});
process.stdout.write(`ready ${server.port}\n`);
