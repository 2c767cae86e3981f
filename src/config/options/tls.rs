//! Encrypted connections.

super::super::row::options! { Tls {
    /// The TCP port that speaks TLS; 0 opens none. With `port` at 0 as well nothing is accepted without encryption
    /// but the Unix socket. It listens at the addresses of `bind`.
    TLS_PORT: u16 = Row::integer("tls-port", "0", 0, 65535);

    /// The file of this server's certificate in PEM, followed by those of the authorities between it and a root. CONFIG
    /// SET of this or another file reads all of them again, also if the name is the same: that is how a certificate is
    /// renewed. Connections that are open keep the old one.
    TLS_CERT_FILE: String = Row::text("tls-cert-file", "").volatile();

    /// The file of the certificate's private key, in PEM: PKCS#8, PKCS#1 or SEC1.
    TLS_KEY_FILE: String = Row::text("tls-key-file", "").volatile();

    /// The passphrase of the private key, if its file is encrypted (as PKCS#8: `BEGIN ENCRYPTED PRIVATE KEY`).
    TLS_KEY_FILE_PASS: String = Row::text("tls-key-file-pass", "").secret();

    /// The certificate that this server shows where it is the client: to its master. Empty for `tls-cert-file`.
    TLS_CLIENT_CERT_FILE: String = Row::text("tls-client-cert-file", "").volatile();

    /// The private key of `tls-client-cert-file`.
    TLS_CLIENT_KEY_FILE: String = Row::text("tls-client-key-file", "").volatile();

    /// The passphrase of `tls-client-key-file`.
    TLS_CLIENT_KEY_FILE_PASS: String = Row::text("tls-client-key-file-pass", "").secret();

    /// A file of certificates, in PEM: the authorities that are believed about clients and about a master.
    TLS_CA_CERT_FILE: String = Row::text("tls-ca-cert-file", "").volatile();

    /// A folder of such files; all that are readable as certificates in PEM are taken, whatever their names are.
    TLS_CA_CERT_DIR: String = Row::text("tls-ca-cert-dir", "").volatile();

    /// Whether clients must show a certificate of a believed authority (`yes`), may do without, but show no other
    /// (`optional`), or are not asked (`no`).
    TLS_AUTH_CLIENTS: TlsAuthClients = Row::choice::<TlsAuthClients>("tls-auth-clients", "yes");

    /// The versions that are spoken, with spaces between: `TLSv1.2`, `TLSv1.3`; empty for both. `TLSv1` and `TLSv1.1`
    /// are understood, and not spoken.
    TLS_PROTOCOLS: String = Row::text("tls-protocols", "");

    /// The suites of TLS 1.2, in OpenSSL's names and operators; empty for all that there are: ECDHE with AES-GCM or
    /// ChaCha20-Poly1305. Names of other suites choose none.
    TLS_CIPHERS: String = Row::text("tls-ciphers", "");

    /// The suites of TLS 1.3, by their names, with `:` between; empty for all.
    TLS_CIPHERSUITES: String = Row::text("tls-ciphersuites", "");

    /// Of the suites that both sides have, the server's first is chosen, not the client's.
    TLS_PREFER_SERVER_CIPHERS: bool = Row::boolean("tls-prefer-server-ciphers", "no");

    /// Clients that come again may go on with the keys of before, which saves most of the work of a handshake.
    TLS_SESSION_CACHING: bool = Row::boolean("tls-session-caching", "yes");

    /// How many sessions are kept for that; 0 for as many as Redis's library would keep by itself (20480).
    TLS_SESSION_CACHE_SIZE: u32 = Row::integer("tls-session-cache-size", "20480", 0, INT_MAX);

    /// A slave speaks TLS to its master, whose certificate must be of a believed authority; its name is not compared.
    TLS_REPLICATION: bool = Row::boolean("tls-replication", "no");

    /// MIGRATE speaks TLS to the other server. (In Redis this is an option of its cluster, and of MIGRATE too.)
    TLS_CLUSTER: bool = Row::boolean("tls-cluster", "no");
}}

use super::super::choice::TlsAuthClients;
