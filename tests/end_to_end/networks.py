"""What stands between an agent and its hub in the world: proxies of all kinds, captive portals, hubs gone mad."""
import base64
import hashlib
import select
import socket
import ssl
import subprocess
import threading


class Server:
    """A listener on loopback whose connections are handled by a thread each."""

    def __init__(self, port=0, host="127.0.0.1"):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = socket.socket(family, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((host, port))
        self.listener.listen(16)
        self.port = self.listener.getsockname()[1]
        self.sockets, self.is_closed, self.accepted = [], False, 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                taken, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            self.sockets.append(taken)
            threading.Thread(target=self._run, args=(taken,), daemon=True).start()

    def _run(self, taken):
        try:
            self.handle(taken)
        except (OSError, ValueError):
            pass
        finally:
            taken.close()

    def handle(self, taken):
        raise NotImplementedError

    def close(self):
        self.is_closed = True
        # A thread that waits in accept() would keep the port: waking it ends that.
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for one in self.sockets:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def read_head(taken):
    head = b""
    while b"\r\n\r\n" not in head and len(head) < 16384:
        piece = taken.recv(1)
        if not piece:
            raise ValueError("ended")
        head += piece
    return head


class ConnectProxy(Server):
    """An HTTP proxy. `names` is its DNS; `answer` is said instead of tunnelling, b"" says nothing and holds the line."""

    def __init__(self, names=None, credentials=None, answer=None, host="127.0.0.1"):
        self.names, self.credentials, self.answer = names or {}, credentials, answer
        self.swallows, self.asked, self.tunnels = False, [], 0
        super().__init__(host=host)

    def handle(self, taken):
        head = read_head(taken).decode("latin-1")
        target = head.split(" ")[1]
        self.asked.append(target)
        if self.answer is not None:
            taken.sendall(self.answer)
            taken.recv(1)
            return
        if self.credentials:
            wanted = "Proxy-Authorization: Basic " + base64.b64encode(self.credentials.encode()).decode() + "\r\n"
            if wanted not in head:
                taken.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n")
                return
        host, port = target.rsplit(":", 1)
        host = host.strip("[]")
        try:
            onward = socket.create_connection((self.names.get(host, host), int(port)), 10)
        except OSError:
            taken.sendall(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
            return
        self.sockets.append(onward)
        taken.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self.tunnels += 1
        self.forward(taken, onward)

    def forward(self, near, far):
        mute = False
        while not self.is_closed:
            for one in select.select([near, far], [], [], 0.2)[0]:
                data = one.recv(65536)
                mute = mute or self.swallows  # from then on this tunnel is dead, without a word
                if not data and not mute:
                    far.close()
                    return
                if not mute:
                    (far if one is near else near).sendall(data)
            while mute and not self.is_closed:
                select.select([], [], [], 0.2)


def make_certificate(folder, name):
    """A CA that signs itself and its own server's certificate; paths of certificate and key."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                    str(key), "-out", str(certificate), "-days", "30", "-subj", f"/CN={name}", "-addext",
                    "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
    return certificate, key


class Portal(Server):
    """A captive portal on the hub's port: HTML, over TLS where it has a certificate. Keeps what it was told."""

    def __init__(self, port, certificate=None):
        self.heard = b""
        self.context = None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*certificate)
        super().__init__(port)

    def handle(self, taken):
        talk = self.context.wrap_socket(taken, server_side=True) if self.context else taken
        self.heard += talk.recv(65536)
        talk.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://portal.example/\r\nContent-Length: 0\r\n\r\n")


class MadHub(Server):
    """Accepts the upgrade of a device and then sends the next of `says`, raw; keeps the close codes it gets back."""

    def __init__(self, certificate, says):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*certificate)
        self.says, self.codes = list(says), []
        super().__init__()

    def handle(self, taken):
        talk = self.context.wrap_socket(taken, server_side=True)
        head = read_head(talk).decode("latin-1")
        key = next(line.split(": ")[1] for line in head.split("\r\n") if line.lower().startswith("sec-websocket-key"))
        accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest())
        talk.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     b"Sec-WebSocket-Protocol: telemetry.device.v1\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        say = self.says[min(len(self.codes), len(self.says) - 1)]
        talk.sendall(say)
        self.codes.append(self.close_code(talk))

    @staticmethod
    def close_code(talk):
        """Of the device's close frame; 0 where it just hung up."""
        data = b""
        while True:
            try:
                piece = talk.recv(65536)
            except OSError:
                return 0
            data += piece
            while len(data) >= 6:
                size, start = data[1] & 0x7f, 2
                if size == 126:
                    size, start = int.from_bytes(data[2:4], "big"), 4
                if len(data) < start + 4 + size:
                    break
                mask, body = data[start:start + 4], data[start + 4:start + 4 + size]
                if data[0] & 0x0f == 8:
                    plain = bytes(b ^ mask[i % 4] for i, b in enumerate(body))
                    return int.from_bytes(plain[:2], "big")
                data = data[start + 4 + size:]
            if not piece:
                return 0
