"""A device in Python: what docs/protocol.md says and nothing else (websockets + protobuf)."""
import asyncio
import os
import ssl
import time

import websockets
from telemetry.v1 import device_pb2 as pb
from telemetry.v1 import readings_pb2 as rd

SUBPROTOCOL = "telemetry.device.v1"


class Closed(Exception):
    """The hub ended the session: close code, reason, and the Refusal if one came."""

    def __init__(self, code, reason, refusal=None):
        super().__init__(f"closed {code} {reason}")
        self.code, self.reason, self.refusal = code, reason, refusal


class Device:
    """One session. `epochs`: list of (epoch bytes, lane, first_held, next)."""

    def __init__(self, hub, token, epoch=None, streams=None, token_in_hello=False, device=None):
        self.hub, self.token, self.token_in_hello = hub, token, token_in_hello
        self.epoch = epoch or os.urandom(16)
        self.streams = streams or [(self.epoch, 0, 1, 1)]
        self.query = f"?device={device}" if device else ""  # with an API token: for whom it sends
        self.acks, self.rejected, self.needs, self.others = {}, [], [], []
        self.welcome = self.refusal = None
        self.socket = None

    async def connect(self, hello=None):
        context = ssl.create_default_context(cafile=str(self.hub.ca_file))
        headers = {} if self.token_in_hello or not self.token else {"Authorization": "Bearer " + self.token}
        self.socket = await websockets.connect(
            f"wss://localhost:{self.hub.port}/api/v1/device{self.query}", ssl=context, subprotocols=[SUBPROTOCOL],
            extra_headers=headers, compression=None, max_size=1 << 20)
        if hello is None:
            hello = self.hello()
        await self.send(hello=hello)
        await self.until(lambda: self.welcome)
        return self

    def hello(self):
        hello = pb.Hello(protocol_version=1, agent_version="python test", process_id=os.urandom(16),
                         boot_id=b"\1" * 16, clock_synchronised=True)
        if self.token_in_hello:
            hello.token = self.token
        for epoch, lane, first, following in self.streams:
            hello.streams.add(epoch=epoch, lane=lane, first_held=first, next=following, boot_id=b"\1" * 16)
        return hello

    async def send(self, **message):
        await self.socket.send(pb.DeviceMessage(**message).SerializeToString())

    async def send_bytes(self, raw):
        await self.socket.send(raw)

    async def frame(self, sequence, body, stream=0):
        raw = body if isinstance(body, bytes) else body.SerializeToString()
        await self.send(frame=pb.Frame(stream=stream, sequence=sequence, body=raw))

    async def receive(self):
        try:
            raw = await asyncio.wait_for(self.socket.recv(), 60)
        except websockets.ConnectionClosed as end:
            raise Closed(end.code, end.reason, self.refusal) from None
        message = pb.HubMessage.FromString(raw)
        kind = message.WhichOneof("message")
        if kind == "welcome":
            self.welcome = message.welcome
        elif kind == "ack":
            for ack in message.ack.streams:
                self.acks[ack.stream] = max(ack.stored, self.acks.get(ack.stream, 0))
            self.rejected += message.ack.rejected
        elif kind == "need_definitions":
            self.needs.append(message.need_definitions)
        elif kind == "refusal":
            self.refusal = message.refusal
        else:
            self.others.append(message)
        return message

    async def until(self, condition):
        while not condition():
            await self.receive()

    async def acked(self, sequence, stream=0):
        await self.until(lambda: self.acks.get(stream, 0) >= sequence)

    async def closed(self):
        """Reads until the hub ends the session."""
        while True:
            try:
                await self.receive()
            except Closed as end:
                return end

    async def close(self):
        await self.socket.close()


def body(values, alias=1, base_us=None, step_us=1_000_000, define=("temperature", "Cel", rd.VALUE_TYPE_NUMBER)):
    """A FrameBody of one number series, doubles."""
    wall = int(time.time() * 1e6)
    out = pb.FrameBody(wall_us=wall, monotonic_ms=int(time.monotonic() * 1e3))
    if define:
        out.definitions.add(alias=alias, name=define[0], unit=define[1], type=define[2], interval_ms=1000)
    if base_us is None:
        base_us = wall - step_us * len(values)
    block = out.blocks.add(base_us=base_us - wall, step=step_us, count=len(values))
    block.columns.add(series=alias, doubles=values)
    return out
