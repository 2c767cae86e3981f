//! The process and what it logs.

super::super::row::options! { Process {
    /// The least severe line that is logged.
    LOGLEVEL: LogLevel = Row::choice::<LogLevel>("loglevel", "notice");

    /// The file to log to; empty for the standard output.
    LOGFILE: String = Row::text("logfile", "").fixed();

    /// Whether the server goes to the background once it has started.
    DAEMONIZE: bool = Row::boolean("daemonize", "no").fixed();

    /// The file that holds the server's process id while it runs; empty for none.
    PIDFILE: String = Row::text("pidfile", "").fixed();

    /// Which service manager to tell that the server is ready: `systemd`, `upstart`, `auto` for whichever is there.
    SUPERVISED: Supervised = Row::choice::<Supervised>("supervised", "no").fixed();

    /// How many seconds a shutdown waits for replicas to catch up; 0 does not wait.
    SHUTDOWN_TIMEOUT: u32 = Row::integer("shutdown-timeout", "10", 0, INT_MAX);
}}

use super::super::choice::{LogLevel, Supervised};
