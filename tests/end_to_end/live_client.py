"""A viewer in Python (websockets + protobuf): many of them live in one process, and each may stop reading."""
import socket
import ssl

import websockets
from telemetry.v1 import live_pb2 as pb

LIVE = (pb.LivePhase.PHASE_LIVE, pb.LivePhase.PHASE_CONFLATED, pb.LivePhase.PHASE_LATEST_ONLY)


class OutOfOrder(AssertionError):
    pass


class LiveClient:
    """One viewer of one series whose readings count 0, 1, 2 …: it expects each once and in order. Over connections
    too: resume() goes on behind what came last."""

    def __init__(self, hub, token, receive_buffer=None):
        self.hub, self.token, self.receive_buffer = hub, token, receive_buffer
        self.context = ssl.create_default_context(cafile=str(hub.ca_file))
        self.next, self.phases, self.position, self.presence = 0, [], b"", []
        self.socket = self.close_code = None

    async def connect(self, series=("count",)):
        raw = socket.create_connection(("localhost", self.hub.port))
        if self.receive_buffer:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer)
        raw.setblocking(False)
        self.socket = await websockets.connect(
            f"wss://localhost:{self.hub.port}/api/v1/live", sock=raw, server_hostname="localhost", ssl=self.context,
            subprotocols=["telemetry.live.v1"], extra_headers={"Authorization": "Bearer " + self.token},
            compression=None, max_size=1 << 22, max_queue=1, read_limit=4096, ping_interval=None, close_timeout=5)
        wish = pb.Subscribe(id=1, selector=pb.Selector(series=series), resume_position=self.position)
        await self.socket.send(pb.ViewerMessage(subscribe=wish).SerializeToString())
        return self

    async def resume(self):
        self.phases.append(None)
        return await self.connect()

    async def take(self):
        """The next message. False: the hub has closed the connection, see close_code."""
        try:
            message = pb.LiveMessage.FromString(await self.socket.recv())
        except websockets.ConnectionClosed:
            self.close_code = self.socket.close_code
            return False
        self.phases += [said.phase for said in message.phases]
        for update in message.updates:
            if update.subscription == 0 and (not self.phases or self.phases[-1] not in LIVE):
                continue
            self._count(update)
        self.presence += [(state.device_name, pb.Presence.Name(state.presence)) for state in message.presence]
        if message.position:
            self.position = message.position
        return True

    def _count(self, update):
        if update.HasField("conflated"):
            first, last, count = update.conflated.first, update.conflated.last, update.conflated.count
            if (first, last) != (self.next, self.next + count - 1):
                raise OutOfOrder(f"folded {first} to {last}, {count} readings, where {self.next} was due")
            self.next += count
            return
        numbers = list(update.numbers)
        if numbers != [float(i) for i in range(self.next, self.next + len(numbers))]:
            raise OutOfOrder(f"{len(numbers)} readings from {numbers[:1]} where {self.next} was due")
        self.next += len(numbers)

    async def until(self, condition):
        """False: the connection ended before."""
        while not condition(self):
            if not await self.take():
                return False
        return True

    async def close(self):
        if self.socket:
            await self.socket.close()
