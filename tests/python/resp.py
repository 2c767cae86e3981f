"""A Redis client in one class: raw RESP2 over a socket, pipelined or not. No more than the harnesses need."""

import socket


class ReplyError(Exception):
    """The server answered with an error reply."""


def encode(*arguments) -> bytes:
    """One command as a RESP array of bulk strings."""
    parts = [b"*%d\r\n" % len(arguments)]
    for argument in arguments:
        if not isinstance(argument, bytes):
            argument = str(argument).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(argument), argument))
    return b"".join(parts)


class Connection:
    def __init__(self, port: int, host: str = "127.0.0.1", timeout: float = 30.0):
        self.socket = socket.create_connection((host, port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = self.socket.makefile("rb", buffering=1 << 16)

    def send(self, *arguments) -> None:
        self.socket.sendall(encode(*arguments))

    def read(self):
        """One reply. An error reply is returned, not raised, since a pipeline must read on; `call` raises it."""
        line = self.stream.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the server closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest
        if kind == b"-":
            return ReplyError(rest.decode(errors="replace"))
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return self._bulk(int(rest))
        if kind == b"*":
            count = int(rest)
            return None if count < 0 else [self.read() for _ in range(count)]
        raise ConnectionError(f"not RESP: {line[:80]!r}")

    def _bulk(self, length: int):
        if length < 0:
            return None
        body = self.stream.read(length + 2)
        if len(body) != length + 2:
            raise ConnectionError("the server closed the connection in the middle of a reply")
        return body[:-2]

    def call(self, *arguments):
        self.send(*arguments)
        reply = self.read()
        if isinstance(reply, ReplyError):
            raise reply
        return reply

    def pipeline(self, commands) -> list:
        self.socket.sendall(b"".join(encode(*command) for command in commands))
        return [self.read() for _ in commands]

    def close(self) -> None:
        self.stream.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
