//! Accepts clients, and gives each to one of the serving arbiters in turn.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use actix_rt::ArbiterHandle;
use pika_core::config::options;
use pika_core::session::Session;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::sync::oneshot;

use crate::connection::Connection;
use crate::partition::local_host;
use crate::socket::Accepted;
use crate::state::{ClientHandle, State, now_ms};
use crate::tls::session::{self, Half};

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

/// Accepts at a TCP socket, whose clients speak TLS if it is `secure`, until it is told to close it; drops what it is told with once that is done.
pub async fn accept_tcp(
    listener: std::net::TcpListener,
    secure: bool,
    state: &Arc<State>,
    doors: &Doors,
    mut closing: oneshot::Receiver<std::sync::mpsc::Sender<()>>,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            closed = &mut closing => {
                // Who connected before this, and was not accepted yet, would be reset.
                let listener = listener.into_std()?;
                while let Ok((stream, peer)) = listener.accept() {
                    stream.set_nonblocking(true)?;
                    welcome(TcpStream::from_std(stream)?, peer, secure, state, doors);
                }
                drop(listener);
                drop(closed);
                return Ok(());
            }
        };
        match accepted {
            Ok((stream, peer)) => welcome(stream, peer, secure, state, doors),
            Err(error) => wait_after(&error, state).await,
        }
    }
}

fn welcome(stream: TcpStream, peer: SocketAddr, secure: bool, state: &Arc<State>, doors: &Doors) {
    let local = stream.local_addr().map_or_else(|_| String::new(), |at| at.to_string());
    set_options(&stream, state);
    if secure {
        actix_rt::spawn(shake_hands(stream, peer.to_string(), local, state.clone(), doors.clone()));
    } else if let Ok(stream) = stream.into_std() {
        give(Accepted::Tcp(stream), peer.to_string(), local, state, doors);
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

fn set_options(stream: &TcpStream, state: &State) {
    // A client that is gone already is found out at its first read.
    let _ = stream.set_nodelay(true);
    let seconds = state.config().get(options::TCP_KEEPALIVE);
    if seconds > 0 {
        let idle = Duration::from_secs(u64::from(seconds));
        let keepalive = TcpKeepalive::new().with_time(idle).with_interval(idle / 3).with_retries(3);
        let _ = SockRef::from(stream).set_tcp_keepalive(&keepalive);
    }
}

/// Counts one more client, unless there are as many as there may be.
fn has_room(state: &State) -> bool {
    let most = state.config().get(options::MAXCLIENTS) as usize;
    let room = state.client_count.fetch_add(1, Ordering::AcqRel) < most;
    if !room {
        state.client_count.fetch_sub(1, Ordering::AcqRel);
        state.counters.rejected_connections.fetch_add(1, Ordering::Relaxed);
    }
    room
}

fn give(accepted: Accepted, peer: String, local: String, state: &Arc<State>, doors: &Doors) {
    if has_room(state) {
        admit(accepted, peer, local, state, doors);
    } else {
        tell(accepted, "-ERR max number of clients reached\r\n");
    }
}

/// The handshake of a client that speaks TLS. It happens on this thread, which serves nobody, counts as a client, and
/// has an end in time.
async fn shake_hands(stream: TcpStream, peer: String, local: String, state: Arc<State>, doors: Doors) {
    if !has_room(&state) {
        // Nothing that it could read can be said before the handshake.
        return;
    }
    let accepted = async {
        let contexts = state.tls.contexts().ok_or("TLS is not configured")?;
        let config = contexts.server(state.config().get(options::TLS_AUTH_CLIENTS))?;
        let half = Half::of_server(stream, config).map_err(|error| error.to_string())?;
        let done = tokio::time::timeout(session::PATIENCE, half.handshake()).await;
        done.map_err(|_| "its handshake took too long")?.map_err(|error| error.to_string())?;
        let (stream, session) = half.duplicate().map_err(|error| error.to_string())?;
        Ok::<Accepted, String>(Accepted::Tls(stream, session))
    };
    match accepted.await {
        Ok(accepted) => admit(accepted, peer, local, &state, &doors),
        Err(reason) => {
            state.client_count.fetch_sub(1, Ordering::AcqRel);
            slog::info!(state.logger, "a client is not accepted"; "address" => peer, "reason" => reason);
        }
    }
}

/// Gives a client that is counted to a serving thread.
fn admit(accepted: Accepted, peer: String, local: String, state: &Arc<State>, doors: &Doors) {
    let config = state.config();
    let mut session = Session::new(state.new_client_id(), now_ms());
    session.address = peer;
    session.local_address = local;
    let users = state.access.users();
    session.begin_as(users.default_user());
    if config.get(options::PROTECTED_MODE) && users.default_user().nopass && !session.is_local() {
        state.client_count.fetch_sub(1, Ordering::AcqRel);
        state.counters.rejected_connections.fetch_add(1, Ordering::Relaxed);
        tell(
            accepted,
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
            held: Default::default(),
            fd: AtomicI64::new(fd),
            queued: AtomicI64::new(-1),
            inbox: Default::default(),
        });
        let Some(host) = local_host() else { return };
        crate::state::lock(&state.clients).insert(id, handle.clone());
        Connection::start_here((read, write), state, host, handle);
    });
}

/// Says why a client is closed.
fn tell(accepted: Accepted, text: &str) {
    use std::io::Write;
    // The client may be gone; the socket is not waited for.
    let _ = match accepted {
        Accepted::Tcp(mut stream) => stream.write_all(text.as_bytes()),
        Accepted::Unix(mut stream) => stream.write_all(text.as_bytes()),
        Accepted::Tls(stream, session) => Half::from_parts(stream, session).and_then(|half| {
            half.try_write(text.as_bytes())?;
            half.end();
            Ok(())
        }),
    };
}
