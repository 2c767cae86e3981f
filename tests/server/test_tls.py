"""TLS: clients, certificates, their renewal, a slave and MIGRATE over it, and nothing in the clear on the wire."""

import contextlib
import importlib.util
import random
import shutil
import socket
import ssl
import subprocess
import threading
import time
import unittest
from pathlib import Path

import common
from certificates import Authority, TlsConnection, openssl
from common import PATIENCE, Connection, Server, ServerTest, free_port, info, raw
from contents import difference, contents

REDIS, CLI = shutil.which("redis-server"), shutil.which("redis-cli")
MEGABYTE = 1 << 20
TLS_ERROR = (ssl.SSLError, ConnectionError)
REFUSED = "ERR CONFIG SET failed (possibly related to argument '{}') - Unable to update TLS configuration. Check server logs."


class Recorder:
    """A proxy on loopback that remembers all that passes it."""

    def __init__(self, target: int):
        self.target, self.passed, self.sockets = target, [], []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.target))
            self.sockets += [client, server]
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source, sink):
        try:
            while chunk := source.recv(65536):
                self.passed.append(chunk)
                sink.sendall(chunk)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    @property
    def bytes(self) -> bytes:
        return b"".join(self.passed)

    def close(self):
        for one in [self.listener, *self.sockets]:
            one.close()


@unittest.skipIf(shutil.which("openssl") is None, "there is no openssl")
class TlsTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.authority = Authority(self.folder / "certificates")
        self.identity = self.authority.sign("server")
        self.mine = self.authority.sign("me", "clientAuth")

    def options(self, identity=None) -> list[str]:
        certificate, key = identity or self.identity
        return ["--tls-cert-file", str(certificate), "--tls-key-file", str(key), "--tls-ca-cert-file",
                str(self.authority.file)]

    def secure(self, *options, name="server", identity=None, program=None) -> tuple[Server, int]:
        """A server that listens both ways, and its port for TLS."""
        port = free_port()
        options = [*self.options(identity), "--tls-port", str(port), *options]
        if program is None:
            return self.server(*options, name=name), port
        return self.enterContext(Server(program, self.folder / name, [*options, "--save", ""])), port

    def client(self, port: int, identity="mine", adjust=None, authority=None) -> TlsConnection:
        identity = self.mine if identity == "mine" else identity
        return self.enterContext(TlsConnection(port, authority or self.authority.file, identity, adjust=adjust))

    def plain(self, server: Server) -> Connection:
        return self.enterContext(server.connect(PATIENCE))

    def refused(self, port: int, identity="mine", **options) -> None:
        """A client that is not let in: at the handshake, or (TLS 1.3) when it first reads."""
        with self.assertRaises(TLS_ERROR):
            self.client(port, identity, **options).call("PING")


def only(version):
    def adjust(context):
        context.minimum_version = context.maximum_version = version
    return adjust


class Clients(TlsTest):
    def test_commands_pipelines_and_big_values(self):
        server, port = self.secure("--threads", "2")
        client = self.client(port)
        self.assertEqual(client.call("PING"), b"PONG")
        replies = client.pipeline([("INCR", f"n:{n % 7}") for n in range(10_000)])
        self.assertEqual(replies, [n // 7 + 1 for n in range(10_000)])
        value = random.Random(common.SEED).randbytes(20 * MEGABYTE)
        client.call("SET", "big", value)
        self.assertTrue(client.call("GET", "big") == value)
        # Many big replies to one who reads late.
        client.call("SET", "half", value[:MEGABYTE // 2])
        for _ in range(40):
            client.send("GET", "half")
        client.send("PING")
        for _ in range(40):
            self.assertTrue(client.read() == value[:MEGABYTE // 2])
        self.assertEqual(client.read(), b"PONG")
        # The other door leads to the same data.
        self.assertTrue(self.plain(server).call("GET", "big") == value)

    def test_byte_by_byte(self):
        _, port = self.secure()
        client = self.client(port)
        for byte in b"*2\r\n$4\r\nECHO\r\n$3\r\na\r\n\r\n":
            client.socket.sendall(bytes([byte]))
        self.assertEqual(client.read(), b"a\r\n")

    def test_messages_reach_idle_clients(self):
        _, port = self.secure()
        subscriber, publisher = self.client(port), self.client(port)
        subscriber.call("SUBSCRIBE", "news")
        for number in range(100):
            self.assertEqual(publisher.call("PUBLISH", "news", "x" * number * 1000), 1)
            self.assertEqual(subscriber.read(), [b"message", b"news", b"x" * number * 1000])

    def test_blocking_and_a_client_that_goes(self):
        server, port = self.secure()
        waiting, other, plain = self.client(port), self.client(port), self.plain(server)
        waiting.send("BLPOP", "list", 0)
        self.until(lambda: info(plain, "clients")["blocked_clients"] == "1", what="a blocked client")
        other.call("RPUSH", "list", "a")
        self.assertEqual(waiting.read(), [b"list", b"a"])
        waiting.send("BLPOP", "list", 0)
        self.until(lambda: info(plain, "clients")["blocked_clients"] == "1", what="a blocked client")
        waiting.close()
        self.until(lambda: info(plain, "clients")["connected_clients"] == "2", what="its end")

    def test_the_end_is_said(self):
        """OpenSSL takes an end that is not said for an attack."""
        _, port = self.secure()
        client = self.client(port)
        client.send("QUIT")
        self.assertEqual(client.read(), b"OK")
        client.socket.suppress_ragged_eofs = False
        self.assertEqual(client.socket.recv(1), b"")

    def test_info_and_client_list(self):
        server, port = self.secure()
        client = self.client(port)
        self.assertIn(f"laddr=127.0.0.1:{port}", client.call("CLIENT", "INFO").decode())
        self.assertEqual(info(client, "server")["tcp_port"], str(server.port))
        self.assertEqual(client.call("CONFIG", "SET", "port", "0"), b"OK")
        self.assertEqual(info(client, "server")["tcp_port"], str(port))
        with self.assertRaises(OSError):
            raw(server.port)
        # Back, and TLS away.
        self.assertEqual(client.call("CONFIG", "SET", "port", server.port, "tls-port", "0"), b"OK")
        self.assertEqual(self.plain(server).call("PING"), b"PONG")
        self.refused_connection(port)
        # The two may change places.
        plain = self.plain(server)
        self.assertEqual(plain.call("CONFIG", "SET", "port", "0", "tls-port", server.port), b"OK")
        self.assertEqual(self.client(server.port).call("PING"), b"PONG")

    def refused_connection(self, port):
        with self.assertRaises(OSError):
            raw(port)

    def test_plain_bytes_to_the_port(self):
        _, port = self.secure()
        with raw(port) as client:
            client.sendall(b"*1\r\n$4\r\nPING\r\n")
            answer = b""
            try:
                while chunk := client.recv(4096):
                    answer += chunk
            except ConnectionResetError:
                pass
            self.assertEqual(answer, b"")  # not even an alert
        self.assertEqual(self.client(port).call("PING"), b"PONG")

    @unittest.skipIf(CLI is None, "there is no redis-cli")
    def test_redis_cli(self):
        _, port = self.secure()
        def cli(*words, identity=True, stdin=None):
            own = ["--cert", self.mine[0], "--key", self.mine[1]] if identity else []
            command = [CLI, "-p", port, "--tls", "--cacert", self.authority.file, *own, *words]
            return subprocess.run([str(word) for word in command], input=stdin, capture_output=True, timeout=PATIENCE)
        self.assertEqual(cli("SET", "a", "b").stdout, b"OK\n")
        self.assertEqual(cli("GET", "a").stdout, b"b\n")
        self.assertNotEqual(cli("GET", "a", identity=False).stdout, b"b\n")
        lines = b"".join(b"SET key:%d %d\r\n" % (n, n) for n in range(20_000))
        self.assertIn(b"errors: 0, replies: 20000", cli("--pipe", stdin=lines).stdout)
        self.assertEqual(cli("DBSIZE").stdout, b"20001\n")

    def test_redis_py(self):
        path = Path(__file__).resolve().parents[1] / "clients/run.py"
        specification = importlib.util.spec_from_file_location("clients_run", path)
        clients = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(clients)
        try:
            python = clients.python("redis_py.py")()[0]
        except clients.NotInstalled as why:
            self.skipTest(str(why))
        _, port = self.secure()
        program = (
            "import redis, sys\n"
            "port, ca, cert, key = sys.argv[1:]\n"
            "client = redis.Redis(port=int(port), ssl=True, ssl_ca_certs=ca, ssl_certfile=cert, ssl_keyfile=key)\n"
            "client.set('a', b'x' * 1000000)\n"
            "assert client.get('a') == b'x' * 1000000\n"
            "pipe = client.pipeline()\n"
            "[pipe.incr('n') for _ in range(1000)]\n"
            "assert pipe.execute()[-1] == 1000\n"
            "listener = client.pubsub(); listener.subscribe('c'); listener.get_message(timeout=10)\n"
            "client.publish('c', 'hello')\n"
            "assert listener.get_message(timeout=10)['data'] == b'hello'\n"
            "print('done')\n")
        done = subprocess.run([python, "-c", program, str(port), str(self.authority.file), *map(str, self.mine)],
                              capture_output=True, timeout=PATIENCE)
        self.assertEqual(done.stdout, b"done\n", done.stderr.decode(errors="replace"))


class Certificates(TlsTest):
    def test_who_is_let_in(self):
        server, port = self.secure()
        plain = self.plain(server)
        stranger = Authority(self.folder / "strangers", "strangers").sign("stranger")
        wrong_purpose = self.authority.sign("only-server", "serverAuth")
        self.assertEqual(self.client(port).call("PING"), b"PONG")
        for identity in (None, stranger, wrong_purpose):
            self.refused(port, identity)
        plain.call("CONFIG", "SET", "tls-auth-clients", "optional")
        self.assertEqual(self.client(port, None).call("PING"), b"PONG")
        self.assertEqual(self.client(port).call("PING"), b"PONG")
        self.refused(port, stranger)
        plain.call("CONFIG", "SET", "tls-auth-clients", "no")
        self.assertEqual(self.client(port, None).call("PING"), b"PONG")
        self.assertEqual(self.client(port, stranger).call("PING"), b"PONG")
        plain.call("CONFIG", "SET", "tls-auth-clients", "yes")
        self.refused(port, None)
        self.until(lambda: info(plain, "clients")["connected_clients"] == "6", what="those let in, and no others")

    def test_a_session_of_an_unknown_client_goes_not_on_as_one_of_a_known(self):
        server, port = self.secure("--tls-auth-clients", "no", "--tls-protocols", "TLSv1.2")
        context = ssl.create_default_context(cafile=self.authority.file)
        def connect(session=None):
            plain = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
            self.addCleanup(plain.close)
            return context.wrap_socket(plain, server_hostname="127.0.0.1", session=session)
        first = connect()
        again = connect(first.session)
        self.assertTrue(again.session_reused)
        plain = self.plain(server)
        plain.call("CONFIG", "SET", "tls-auth-clients", "yes")
        with self.assertRaises(TLS_ERROR):
            connect(first.session)
        plain.call("CONFIG", "SET", "tls-auth-clients", "no", "tls-session-caching", "no")
        without = connect()
        self.assertFalse(connect(without.session).session_reused)

    def test_renewal(self):
        server, port = self.secure()
        plain, early = self.plain(server), self.client(port)
        def serial():
            return self.client(port).socket.getpeercert()["serialNumber"]
        before = serial()
        self.assertEqual(serial(), before)
        # The same names, other contents.
        self.authority.sign("server", kind="rsa")
        self.assertEqual(serial(), before)
        for (path, name) in zip(self.identity, ("tls-cert-file", "tls-key-file")):
            self.assertEqual(plain.call("CONFIG", "SET", name, path), b"OK")
        self.assertNotEqual(serial(), before)
        self.assertEqual(early.call("PING"), b"PONG")
        # Another authority: those of the old one stay outside, but for who is in.
        other = Authority(self.folder / "other", "other")
        self.assertEqual(plain.call("CONFIG", "SET", "tls-ca-cert-file", other.file), b"OK")
        self.refused(port)
        self.assertEqual(self.client(port, other.sign("new")).call("PING"), b"PONG")
        self.assertEqual(early.call("PING"), b"PONG")

    def test_what_cannot_be_used_is_refused(self):
        server, port = self.secure()
        plain = self.plain(server)
        nonsense, missing = self.folder / "nonsense", self.folder / "missing"
        nonsense.write_text("no certificate\n")
        before = plain.call("CONFIG", "GET", "tls-*")
        for name, value in (("tls-cert-file", missing), ("tls-cert-file", nonsense), ("tls-cert-file", self.mine[0]),
                            ("tls-key-file", nonsense), ("tls-key-file", self.mine[1]), ("tls-cert-file", ""),
                            ("tls-ca-cert-file", missing), ("tls-ca-cert-file", nonsense), ("tls-ca-cert-file", ""),
                            ("tls-ca-cert-dir", missing), ("tls-protocols", "TLSv1.1"), ("tls-protocols", "what"),
                            ("tls-ciphers", "AES128-SHA256"), ("tls-ciphersuites", "TLS_WHAT"),
                            ("tls-client-cert-file", missing)):
            with self.subTest(name, value=value):
                self.assertEqual(self.error(plain, "CONFIG", "SET", name, value), REFUSED.format(name))
        self.assertEqual(plain.call("CONFIG", "GET", "tls-*"), before)
        self.assertEqual(self.client(port).call("PING"), b"PONG")
        # A port that is taken leaves all as it was.
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.assertEqual(
                self.error(plain, "CONFIG", "SET", "tls-port", taken.getsockname()[1]),
                "ERR CONFIG SET failed (possibly related to argument 'tls-port') - Unable to listen on this port. "
                "Check server logs.")
        self.assertEqual(self.client(port).call("PING"), b"PONG")

    def test_a_port_without_certificates(self):
        plain = self.plain(self.server())
        self.assertEqual(self.error(plain, "CONFIG", "SET", "tls-port", free_port()), REFUSED.format("tls-port"))
        # Without a port the options are only kept.
        self.assertEqual(plain.call("CONFIG", "SET", "tls-cert-file", "missing"), b"OK")
        output = self.refuses("--port", free_port(), "--dir", self.folder / "data", "--tls-port", free_port())
        self.assertIn("Failed to configure TLS", output)

    def test_an_encrypted_key(self):
        certificate, key = self.identity
        encrypted = self.folder / "encrypted.key"
        openssl("pkcs8", "-topk8", "-in", key, "-out", encrypted, "-v2", "aes256", "-passout", "pass:1234", cwd=self.folder)
        server, port = self.secure()
        plain = self.plain(server)
        self.assertEqual(self.error(plain, "CONFIG", "SET", "tls-key-file", encrypted), REFUSED.format("tls-key-file"))
        self.logged(server, "no passphrase")
        self.assertEqual(plain.call("CONFIG", "SET", "tls-key-file-pass", "4321"), b"OK")
        self.assertEqual(self.error(plain, "CONFIG", "SET", "tls-key-file", encrypted), REFUSED.format("tls-key-file"))
        self.assertEqual(plain.call("CONFIG", "SET", "tls-key-file-pass", "1234", "tls-key-file", encrypted), b"OK")
        self.assertEqual(self.client(port).call("PING"), b"PONG")
        self.assertNotIn("1234", server.log.read_text())

    def test_authorities_of_a_folder(self):
        folder = self.folder / "authorities"
        folder.mkdir()
        shutil.copy(self.authority.file, folder / "whatever.pem")
        (folder / "README").write_text("nothing\n")
        certificate, key = self.identity
        port = free_port()
        self.server("--tls-port", str(port), "--tls-cert-file", str(certificate), "--tls-key-file", str(key),
                    "--tls-ca-cert-dir", str(folder))
        self.assertEqual(self.client(port).call("PING"), b"PONG")
        self.refused(port, None)

    def test_protocols_and_ciphers(self):
        server, port = self.secure(identity=self.authority.sign("rsa", kind="rsa"))
        plain = self.plain(server)
        old, new = only(ssl.TLSVersion.TLSv1_2), only(ssl.TLSVersion.TLSv1_3)
        self.assertEqual(self.client(port, adjust=old).socket.version(), "TLSv1.2")
        self.assertEqual(self.client(port, adjust=new).socket.version(), "TLSv1.3")
        plain.call("CONFIG", "SET", "tls-protocols", "TLSv1.2")
        self.assertEqual(self.client(port).socket.version(), "TLSv1.2")
        self.refused(port, adjust=new)
        # The server's list, and whose order counts.
        first, second = "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384"
        def prefers(context):
            old(context)
            context.set_ciphers(f"{second}:{first}")
        plain.call("CONFIG", "SET", "tls-ciphers", f"{first}:{second}")
        self.assertEqual(self.client(port, adjust=prefers).socket.cipher()[0], second)
        plain.call("CONFIG", "SET", "tls-prefer-server-ciphers", "yes")
        self.assertEqual(self.client(port, adjust=prefers).socket.cipher()[0], first)
        plain.call("CONFIG", "SET", "tls-ciphers", "DEFAULT:!AES")
        self.refused(port, adjust=prefers)
        plain.call("CONFIG", "SET", "tls-protocols", "TLSv1.3", "tls-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256")
        self.assertEqual(self.client(port).socket.cipher()[0], "TLS_CHACHA20_POLY1305_SHA256")


class Limits(TlsTest):
    def test_a_handshake_that_does_not_come(self):
        """It counts as a client, and ends."""
        server, port = self.secure("--maxclients", "10")
        plain = self.plain(server)
        self.until(lambda: info(plain, "clients")["connected_clients"] == "1", what="the end of those before")
        silent = [raw(port, PATIENCE) for _ in range(5)]
        slow = [raw(port, PATIENCE) for _ in range(4)]
        for client in silent + slow:
            self.addCleanup(client.close)
        began = time.monotonic()
        self.until(lambda: info(plain, "clients")["connected_clients"] == "10", what="all of them")
        with raw(server.port) as one:
            self.assertEqual(one.recv(100), b"-ERR max number of clients reached\r\n")
        # With TLS nothing can be said: the connection just ends.
        with raw(port) as one:
            self.assertEqual(one.recv(100), b"")
        hello = bytes.fromhex("16030100c8010000c40303")
        for client in slow:
            client.sendall(hello[:5])
        position = [5]
        def drip():
            for client in slow:
                try:
                    client.sendall(hello[position[0] % len(hello):][:1])
                except OSError:
                    pass
            position[0] += 1
        deadline = began + PATIENCE
        closed = set()
        while len(closed) < len(silent) + len(slow):
            self.assertLess(time.monotonic(), deadline, "they are still connected")
            drip()
            for client in silent + slow:
                if client in closed:
                    continue
                client.settimeout(0.02)
                try:
                    if client.recv(100) == b"":
                        closed.add(client)
                except TimeoutError:
                    pass
                except OSError:
                    closed.add(client)
        self.assertGreater(time.monotonic() - began, 5, "an honest client may be this slow")
        self.assertEqual(plain.call("PING"), b"PONG")
        self.assertEqual(self.client(port).call("PING"), b"PONG")

    def test_output_limits(self):
        server, port = self.secure("--client-output-buffer-limit", "pubsub 1mb 0 0")
        subscriber, plain = self.client(port), self.plain(server)
        subscriber.call("SUBSCRIBE", "c")
        def gone():
            plain.call("PUBLISH", "c", "x" * (MEGABYTE // 2))
            return info(plain, "stats")["client_output_buffer_limit_disconnections"] == "1"
        self.until(gone, what="the end of a subscriber that does not read")
        self.assertEqual(info(plain, "clients")["connected_clients"], "1")


class Replication(TlsTest):
    def follow(self, slave: Server, *, port: int) -> Connection:
        connection = self.plain(slave)
        connection.call("REPLICAOF", "127.0.0.1", port)
        return connection

    def caught_up(self, master: Connection, slave: Connection) -> None:
        def done():
            facts = info(slave, "replication")
            return (facts.get("master_link_status") == "up"
                    and facts["slave_repl_offset"] == info(master, "replication")["master_repl_offset"])
        self.until(done, what="the slave's offset")

    def pairs(self, master_program, slave_program):
        master, port = self.secure(name="master", program=master_program)
        slave, own = self.secure("--tls-replication", "yes", name="slave", program=slave_program)
        recorder = Recorder(port)
        self.addCleanup(recorder.close)
        first = self.plain(master)
        secret = "a secret that must not be seen"
        first.pipeline([("SET", f"key:{n}", f"{secret} {n}") for n in range(2000)])
        first.call("SET", "large", "0123456789" * 300_000)
        second = self.follow(slave, port=recorder.port)
        self.caught_up(first, second)
        # The live stream, and a second link after a break.
        first.pipeline([("APPEND", f"key:{n}", secret) for n in range(2000)])
        self.caught_up(first, second)
        for one in recorder.sockets:
            # The other end of one may have gone with the one before.
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        first.pipeline([("HSET", f"hash:{n}", "field", secret) for n in range(2000)])
        self.caught_up(first, second)
        self.assertFalse(difference(contents(first), contents(second)))
        passed = recorder.bytes
        self.assertGreater(len(passed), 300_000)
        for clear in (secret.encode(), b"PSYNC", b"REPLCONF", b"REDIS0", b"0123456789", b"FULLRESYNC", b"key:"):
            self.assertNotIn(clear, passed)
        self.assertRegex(first.call("INFO", "replication").decode(), rf"slave0:ip=127\.0\.0\.1,port={own},state=online")
        return first, second

    def test_pika_of_pika(self):
        first, _ = self.pairs(None, None)
        self.assertGreaterEqual(first.call("WAIT", 1, 20_000), 1)

    @unittest.skipIf(REDIS is None, "there is no redis-server")
    def test_pika_of_redis(self):
        self.pairs(REDIS, None)

    @unittest.skipIf(REDIS is None, "there is no redis-server")
    def test_redis_of_pika(self):
        self.pairs(None, REDIS)

    def test_the_recorder_would_see_it(self):
        """Without TLS the same recorder does see a secret."""
        server = self.server()
        recorder = Recorder(server.port)
        self.addCleanup(recorder.close)
        with Connection(recorder.port) as client:
            client.call("SET", "a", "a secret that must not be seen")
        self.assertIn(b"a secret that must not be seen", recorder.bytes)

    def test_a_master_of_another_authority(self):
        other = Authority(self.folder / "other", "other")
        master, port = self.secure(name="master", identity=other.sign("master"))
        slave, _ = self.secure("--tls-replication", "yes", name="slave")
        follower = self.follow(slave, port=port)
        def told():
            return "certificate" in slave.log.read_text().lower() and "cannot connect" in slave.log.read_text()
        self.until(told, what="the reason in the log")
        self.assertEqual(info(follower, "replication")["master_link_status"], "down")
        # Believing it heals the link: no restart, no REPLICAOF.
        both = self.folder / "both.crt"
        both.write_text(other.file.read_text() + self.authority.file.read_text())
        self.assertEqual(follower.call("CONFIG", "SET", "tls-ca-cert-file", both), b"OK")
        self.caught_up(self.plain(master), follower)

    def test_a_certificate_for_clients(self):
        """The master asks for a certificate that is good for clients; the slave has one of its own for that."""
        server_only = self.authority.sign("server-only", "serverAuth")
        master, port = self.secure(name="master")
        slave, _ = self.secure("--tls-replication", "yes", name="slave", identity=server_only)
        follower = self.follow(slave, port=port)
        self.until(lambda: "cannot connect" in slave.log.read_text() or "link to the master is down"
                   in slave.log.read_text(), what="a refusal")
        self.assertEqual(info(follower, "replication")["master_link_status"], "down")
        certificate, key = self.mine
        self.assertEqual(follower.call("CONFIG", "SET", "tls-client-cert-file", certificate, "tls-client-key-file", key), b"OK")
        self.caught_up(self.plain(master), follower)

    def test_migrate(self):
        source, _ = self.secure("--tls-cluster", "yes", name="source")
        target, port = self.secure(name="target")
        recorder = Recorder(port)
        self.addCleanup(recorder.close)
        first, second = self.plain(source), self.plain(target)
        first.pipeline([("SET", f"key:{n}", "a secret") for n in range(100)])
        first.call("SET", "large", "x" * 3 * MEGABYTE)
        keys = [f"key:{n}" for n in range(100)] + ["large"]
        self.assertEqual(first.call("MIGRATE", "127.0.0.1", recorder.port, "", 0, 10_000, "KEYS", *keys), b"OK")
        self.assertEqual((first.call("DBSIZE"), second.call("DBSIZE")), (0, 101))
        self.assertGreater(len(recorder.bytes), 1000)
        self.assertNotIn(b"a secret", recorder.bytes)
        # In the clear it is refused by a port that speaks TLS, and the keys stay.
        first.call("CONFIG", "SET", "tls-cluster", "no")
        first.call("SET", "stays", "1")
        self.assertRegex(self.error(first, "MIGRATE", "127.0.0.1", port, "stays", 0, 2000), "^IOERR ")
        self.assertEqual(first.call("DBSIZE"), 1)
