//! Options of the listening sockets.

super::super::row::options! { Network {
    /// The TCP port that clients and replicas connect to. 0 opens none, which leaves the Unix socket.
    PORT: u16 = Row::integer("port", "9221", 0, 65535);

    /// The addresses to listen on. `*` stands for all of IPv4 and `::*` for all of IPv6; an address with `-` in front
    /// is skipped if this machine does not have it.
    ///
    /// Danger: an address that others can reach lets in whoever can reach it. Set a password first.
    BIND: Vec<String> = Row::special("bind", "127.0.0.1 -::1", Kind::Words);

    /// While on, and no password is set, clients of other machines are refused, whatever `bind` says.
    PROTECTED_MODE: bool = Row::boolean("protected-mode", "yes");

    /// The path of a Unix socket to listen on as well; empty for none.
    UNIXSOCKET: String = Row::text("unixsocket", "").fixed();

    /// The permissions of the Unix socket's file, in octal, such as 770; 0 leaves them to the umask.
    UNIXSOCKETPERM: u32 = Row::special("unixsocketperm", "0", Kind::Octal { min: 0, max: 0o777 }).fixed();

    /// How many connections may wait to be accepted. The kernel caps it (on Linux at `net.core.somaxconn`).
    TCP_BACKLOG: u32 = Row::integer("tcp-backlog", "511", 0, INT_MAX).fixed();

    /// After how many seconds of silence the kernel probes whether a client's machine still answers; 0 never probes.
    TCP_KEEPALIVE: u32 = Row::integer("tcp-keepalive", "300", 0, INT_MAX);
}}
