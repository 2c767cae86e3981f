"""File descriptors that do not suffice for what the configuration asks."""

import os

from common import Connection, ServerTest, free_port


def limited(files: int) -> list[str]:
    """Starts what follows with so many file descriptors, and without the right to raise that."""
    unprivileged = ["setpriv", "--bounding-set=-sys_resource", "--"] if os.geteuid() == 0 else []
    return [*unprivileged, "prlimit", f"--nofile={files}:{files}"]


class FileLimit(ServerTest):
    def test_maxclients_is_lowered(self):
        port = free_port()
        process = self.launch("--port", port, "--dir", "data", "--threads", 2, through=limited(500))
        admin = self.wait_for(process, port)
        most = int(admin.call("CONFIG", "GET", "maxclients")[1])
        self.assertTrue(100 < most < 500, most)
        log = (self.folder / "launch.log").read_text()
        self.assertRegex(log, rf"WARN.*maxclients is lowered.*maxclients: {most}\b")
        self.assertRegex(log, r"WARN.*RocksDB keeps fewer files open")
        self.assertIn(f"maxclients:{most}\r\n", admin.call("INFO", "clients").decode())
        # As many as it says can be there, and everything goes on: commands, the log, flushes, a backup.
        clients = []
        self.addCleanup(lambda: [client.close() for client in clients])
        while len(clients) < most - 1:
            clients.append(Connection(port))
            clients[-1].call("PING")
        self.assertEqual([client.call("SET", f"k:{n}", n) for n, client in enumerate(clients)], [b"OK"] * len(clients))
        with Connection(port) as refused:
            self.assertEqual(refused.stream.readline(), b"-ERR max number of clients reached\r\n")
        self.assertEqual(admin.call("SAVE"), b"OK")
        self.assertEqual(admin.call("DBSIZE"), most - 1)
        # It cannot be raised beyond what there is, and says how far it can.
        self.assertEqual(self.error(admin, "CONFIG", "SET", "maxclients", most + 1),
                         "ERR CONFIG SET failed (possibly related to argument 'maxclients') - The operating system is "
                         f"not able to handle the specified number of clients, try with {most}")
        self.assertEqual(admin.call("CONFIG", "GET", "maxclients")[1], str(most).encode())
        self.assertEqual(admin.call("CONFIG", "SET", "maxclients", 50), b"OK")
        self.assertEqual(admin.call("CONFIG", "SET", "maxclients", most), b"OK")

    def test_what_suffices_is_left_alone(self):
        port = free_port()
        process = self.launch("--port", port, "--dir", "data", "--maxclients", 100, "--rocksdb-max-open-files", 100,
                              through=limited(500))
        admin = self.wait_for(process, port)
        self.assertEqual(admin.call("CONFIG", "GET", "maxclients")[1], b"100")
        self.assertNotIn("WARN", (self.folder / "launch.log").read_text())
        self.assertEqual(admin.call("CONFIG", "SET", "maxclients", 200), b"OK")

    def test_too_few_are_refused(self):
        output = self.refuses("--port", free_port(), "--dir", "data", through=limited(100))
        self.assertIn("may open 100 files", output)
        self.assertFalse((self.folder / "data").exists())
