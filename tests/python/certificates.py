"""Certificates for tests, made by openssl: an authority, and what it signs. And a connection that speaks TLS."""

import socket
import ssl
import subprocess
from pathlib import Path

from resp import Connection


def openssl(*arguments, cwd: Path) -> None:
    done = subprocess.run(["openssl", *map(str, arguments)], cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True)
    if done.returncode:
        raise RuntimeError(f"openssl {arguments[0]}: {done.stderr.decode(errors='replace')}")


class Authority:
    """A certificate authority in a folder: `NAME.crt` and `NAME.key`, and likewise for all that it signs."""

    def __init__(self, folder: Path, name: str = "ca"):
        self.folder, self.name = Path(folder), name
        self.folder.mkdir(parents=True, exist_ok=True)
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
                "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.crt", cwd=self.folder)

    @property
    def file(self) -> Path:
        return self.folder / f"{self.name}.crt"

    def sign(self, name: str, purpose: str = "serverAuth,clientAuth", kind: str = "ec", days: int = 30) -> tuple[Path, Path]:
        """A certificate and its key. `purpose`: what it is good for; `kind`: `ec` or `rsa`."""
        key, request, certificate = (self.folder / f"{name}.{ending}" for ending in ("key", "csr", "crt"))
        how = ["rsa:2048"] if kind == "rsa" else ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
        openssl("req", "-newkey", *how, "-nodes", "-subj", f"/O=Pika/CN={name}", "-keyout", key, "-out", request,
                cwd=self.folder)
        extensions = self.folder / f"{name}.ext"
        extensions.write_text("basicConstraints=CA:FALSE\nsubjectAltName=IP:127.0.0.1,DNS:localhost\n"
                              f"extendedKeyUsage={purpose}\n")
        openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self.folder / f"{self.name}.key",
                "-CAcreateserial", "-days", days, "-sha256", "-extfile", extensions, "-out", certificate, cwd=self.folder)
        return certificate, key


class TlsConnection(Connection):
    """A connection that believes `authority`, and shows `identity`, a certificate and its key, if one is given."""

    def __init__(self, port: int, authority: Path, identity=None, host: str = "127.0.0.1", timeout: float = 60.0, adjust=None):
        context = ssl.create_default_context(cafile=authority)
        if identity:
            context.load_cert_chain(*identity)
        if adjust:
            adjust(context)
        plain = socket.create_connection((host, port), timeout=timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self.socket = context.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise
        self.stream = self.socket.makefile("rb", buffering=1 << 16)
