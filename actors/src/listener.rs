//! Accepts clients, and gives each to one of the serving arbiters in turn.

use std::io;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use actix_rt::ArbiterHandle;
use pika_core::config::options;
use pika_core::session::Session;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::oneshot;

use crate::connection::Connection;
use crate::partition::local_host;
use crate::socket::Accepted;
use crate::state::{ClientHandle, State, now_ms};

/// Where accepted clients go: one of the serving arbiters in turn.
#[derive(Debug, Clone)]
pub struct Doors {
    arbiters: Vec<ArbiterHandle>,
    next: Arc<AtomicUsize>,
}

impl Doors {
    /// To these arbiters.
    pub fn new(arbiters: Vec<ArbiterHandle>) -> Doors {
        Doors { arbiters, next: Arc::default() }
    }

    fn choose(&self) -> &ArbiterHandle {
        &self.arbiters[self.next.fetch_add(1, Ordering::Relaxed) % self.arbiters.len()]
    }
}

/// Accepts at a TCP socket until it is told to close it; drops what it is told with once that is done.
pub async fn accept_tcp(
    listener: std::net::TcpListener,
    state: &Arc<State>,
    doors: &Doors,
    mut closing: oneshot::Receiver<std::sync::mpsc::Sender<()>>,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            closed = &mut closing => {
                drop(listener);
                drop(closed);
                return Ok(());
            }
        };
        match accepted {
            Ok((stream, peer)) => {
                let local = stream.local_addr().map_or_else(|_| String::new(), |at| at.to_string());
                set_options(&stream, state);
                if let Ok(stream) = stream.into_std() {
                    give(Accepted::Tcp(stream), peer.to_string(), local, state, doors);
                }
            }
            Err(error) => wait_after(&error, state).await,
        }
    }
}

/// Accepts at a Unix socket, on the current arbiter.
pub fn accept_unix(
    listener: std::os::unix::net::UnixListener,
    state: Arc<State>,
    doors: Doors,
) -> io::Result<()> {
    let listener = UnixListener::from_std(listener)?;
    actix_rt::spawn(async move {
        let path = state.config().get(options::UNIXSOCKET).to_string();
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    if let Ok(stream) = stream.into_std() {
                        let name = format!("{path}:0");
                        give(Accepted::Unix(stream), name.clone(), name, &state, &doors);
                    }
                }
                Err(error) => wait_after(&error, &state).await,
            }
        }
    });
    Ok(())
}

/// No descriptor is left, for one: accepting again at once would only spin.
async fn wait_after(error: &io::Error, state: &State) {
    slog::warn!(state.logger, "cannot accept a client"; "error" => %error);
    tokio::time::sleep(Duration::from_millis(100)).await;
}

fn set_options(stream: &tokio::net::TcpStream, state: &State) {
    // A client that is gone already is found out at its first read.
    let _ = stream.set_nodelay(true);
    let seconds = state.config().get(options::TCP_KEEPALIVE);
    if seconds > 0 {
        let idle = Duration::from_secs(u64::from(seconds));
        let keepalive = TcpKeepalive::new().with_time(idle).with_interval(idle / 3).with_retries(3);
        let _ = SockRef::from(stream).set_tcp_keepalive(&keepalive);
    }
}

fn give(accepted: Accepted, peer: String, local: String, state: &Arc<State>, doors: &Doors) {
    let config = state.config();
    if state.client_count.fetch_add(1, Ordering::AcqRel) >= config.get(options::MAXCLIENTS) as usize {
        refuse(accepted, state, "-ERR max number of clients reached\r\n");
        return;
    }
    let mut session = Session::new(state.new_client_id(), now_ms());
    session.address = peer;
    session.local_address = local;
    let users = state.access.users();
    session.begin_as(users.default_user());
    if config.get(options::PROTECTED_MODE) && users.default_user().nopass && !session.is_local() {
        refuse(
            accepted,
            state,
            "-DENIED Pika is running in protected mode because protected mode is enabled and no password is set \
             for the default user. In this mode connections are only accepted from the loopback interface.\r\n",
        );
        return;
    }
    state.counters.connections.fetch_add(1, Ordering::Relaxed);
    let state = state.clone();
    doors.choose().spawn_fn(move || {
        let Ok((read, write, fd)) = accepted.split() else {
            state.client_count.fetch_sub(1, Ordering::AcqRel);
            return;
        };
        let id = session.id;
        let handle = Arc::new(ClientHandle {
            blocked: Mutex::default(),
            watch: Mutex::default(),
            session: Mutex::new(session),
            address: Default::default(),
            output_bytes: Default::default(),
            input_bytes: Default::default(),
            input_capacity: Default::default(),
            fd: AtomicI64::new(fd),
            queued: AtomicI64::new(-1),
            inbox: Default::default(),
        });
        let Some(host) = local_host() else { return };
        crate::state::lock(&state.clients).insert(id, handle.clone());
        Connection::start_here((read, write), state, host, handle);
    });
}

fn refuse(accepted: Accepted, state: &State, text: &str) {
    use std::io::Write;
    state.client_count.fetch_sub(1, Ordering::AcqRel);
    state.counters.rejected_connections.fetch_add(1, Ordering::Relaxed);
    // The client may be gone; the socket is not waited for.
    let _ = match accepted {
        Accepted::Tcp(mut stream) => stream.write_all(text.as_bytes()),
        Accepted::Unix(mut stream) => stream.write_all(text.as_bytes()),
    };
}
