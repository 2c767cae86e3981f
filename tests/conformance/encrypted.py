"""What the suite's TLS mode looks for in tests/tls: Redis's own script that makes it is not part of its tests.

`ca.crt` has signed all certificates: `server` may only serve, `client` only be a client, `redis` may be both. `redis.dh`
are parameters for a key exchange that redis-server reads. The keys are RSA: the suite encrypts one by `openssl rsa`.
"""

from pathlib import Path

from certificates import Authority, openssl

# All connections of these units are encrypted.
UNITS = frozenset(("unit/tls",))


def make(folder: Path) -> None:
    authority = Authority(folder)
    authority.sign("server", "serverAuth", "rsa")
    authority.sign("client", "clientAuth", "rsa")
    authority.sign("redis", "serverAuth,clientAuth", "rsa")
    # A group that everybody knows: to find another one takes up to a minute.
    openssl("genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe2048", "-out", "redis.dh", cwd=folder)
