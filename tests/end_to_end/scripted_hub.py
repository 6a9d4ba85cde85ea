"""A hub that the test writes: the device's end is the real agent, over real TLS with the certificate that it trusts."""
import asyncio
import ssl
import threading
import time

import websockets
from telemetry.v1 import device_pb2 as pb


class ScriptedHub:
    """Takes the port and the certificate of a Hub that has stopped. Welcomes whoever comes; what devices say is kept."""

    def __init__(self, hub):
        self.hub, self.updates, self.hellos = hub, [], []
        self.loop = asyncio.new_event_loop()
        self.socket = None
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self.loop).result(60)
        return self

    def __exit__(self, *_):
        asyncio.run_coroutine_threadsafe(self._close(), self.loop).result(60)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    async def _listen(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls = self.hub.data / "tls"
        context.load_cert_chain(tls / "server.pem", tls / "server.key")
        context.set_alpn_protocols(["telemetry-device/1"])
        self.server = await websockets.serve(self._serve, "localhost", self.hub.port, ssl=context,
                                             subprotocols=["telemetry.device.v1"], compression=None)

    async def _close(self):
        self.server.close()
        await self.server.wait_closed()

    async def _serve(self, socket, *_):
        try:
            async for raw in socket:
                message = pb.DeviceMessage.FromString(raw)
                if message.HasField("hello"):
                    self.hellos.append(message.hello)
                    welcome = pb.Welcome(protocol_version=1, device_name="mine", server_time_us=time.time() * 1e6,
                                         credit_bytes_live=1 << 20, credit_bytes_backfill=1 << 20)
                    for _ in message.hello.streams:
                        welcome.streams.add()
                    await socket.send(pb.HubMessage(welcome=welcome).SerializeToString())
                    self.socket = socket
                elif message.HasField("execution"):
                    self.updates.append(message.execution)
        except websockets.ConnectionClosed:
            pass

    def send(self, **message):
        raw = pb.HubMessage(**message).SerializeToString()
        asyncio.run_coroutine_threadsafe(self.socket.send(raw), self.loop).result(60)

    def ask(self, id, command, arguments="{}", lives_s=60, **more):
        now = time.time() * 1e6
        self.send(execution=pb.ExecutionRequest(**{"id": id, "command": command, "arguments_json": arguments,
                                                   "not_after_us": now + lives_s * 1e6, "server_time_us": now, **more}))

    def state_of(self, id):
        states = [u.state for u in self.updates if u.id == id]
        return states[-1] if states else None
