//! Accepts clients, and gives each to one of the serving arbiters in turn.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use actix_rt::ArbiterHandle;
use pika_core::config::{Config, options};
use pika_core::session::Session;
use socket2::{Domain, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, UnixListener};

use crate::connection::Connection;
use crate::partition::local_host;
use crate::socket::Accepted;
use crate::state::{ClientHandle, State, now_ms};

/// Sockets that are bound and do not accept yet.
#[derive(Debug)]
pub struct Bound {
    tcp: Vec<std::net::TcpListener>,
    unix: Option<std::os::unix::net::UnixListener>,
}

/// Binds all addresses of the configuration. One with a leading `-` may be missing on this machine.
pub fn bind(config: &Config) -> io::Result<Bound> {
    let mut bound = Bound { tcp: Vec::new(), unix: None };
    let port = config.get(options::PORT);
    let backlog = i32::try_from(config.get(options::TCP_BACKLOG)).unwrap_or(i32::MAX);
    if port != 0 {
        for word in config.get(options::BIND) {
            let (optional, name) = word.strip_prefix('-').map_or((false, word.as_str()), |name| (true, name));
            match bind_tcp(name, port, backlog) {
                Ok(listener) => bound.tcp.push(listener),
                Err(error) if optional && error.kind() != io::ErrorKind::AddrInUse => {}
                Err(error) => {
                    return Err(io::Error::new(
                        error.kind(),
                        format!("cannot listen on {name}:{port}: {error}"),
                    ));
                }
            }
        }
    }
    let path = config.get(options::UNIXSOCKET);
    if !path.is_empty() {
        // A socket that a killed process left would refuse the bind.
        let _ = std::fs::remove_file(path);
        let listener = std::os::unix::net::UnixListener::bind(path)
            .map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {path}: {error}")))?;
        let mode = config.get(options::UNIXSOCKETPERM);
        if mode != 0 {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
        }
        listener.set_nonblocking(true)?;
        bound.unix = Some(listener);
    }
    Ok(bound)
}

fn bind_tcp(name: &str, port: u16, backlog: i32) -> io::Result<std::net::TcpListener> {
    let name = match name {
        "*" => "0.0.0.0",
        "::*" => "::",
        other => other,
    };
    let address: SocketAddr = match name.parse() {
        Ok(ip) => SocketAddr::new(ip, port),
        Err(_) => std::net::ToSocketAddrs::to_socket_addrs(&(name, port))?
            .next()
            .ok_or_else(|| io::Error::new(io::ErrorKind::AddrNotAvailable, "no such host"))?,
    };
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(backlog)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Begins to accept on the current arbiter.
pub fn start(bound: Bound, state: &Arc<State>, arbiters: &[ArbiterHandle]) -> io::Result<()> {
    let next = Arc::new(AtomicUsize::new(0));
    for listener in bound.tcp {
        let listener = TcpListener::from_std(listener)?;
        let (state, arbiters, next) = (state.clone(), arbiters.to_vec(), next.clone());
        actix_rt::spawn(async move {
            loop {
                match listener.accept().await {
                    Ok((stream, peer)) => {
                        let local = stream.local_addr().map_or_else(|_| String::new(), |at| at.to_string());
                        set_options(&stream, &state);
                        if let Ok(stream) = stream.into_std() {
                            let accepted = Accepted::Tcp(stream);
                            give(accepted, peer.to_string(), local, &state, &arbiters, &next);
                        }
                    }
                    Err(error) => wait_after(&error, &state).await,
                }
            }
        });
    }
    if let Some(listener) = bound.unix {
        let listener = UnixListener::from_std(listener)?;
        let (state, arbiters) = (state.clone(), arbiters.to_vec());
        actix_rt::spawn(async move {
            let path = state.config().get(options::UNIXSOCKET).to_string();
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => {
                        if let Ok(stream) = stream.into_std() {
                            let name = format!("{path}:0");
                            give(Accepted::Unix(stream), name.clone(), name, &state, &arbiters, &next);
                        }
                    }
                    Err(error) => wait_after(&error, &state).await,
                }
            }
        });
    }
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

fn give(
    accepted: Accepted,
    peer: String,
    local: String,
    state: &Arc<State>,
    arbiters: &[ArbiterHandle],
    next: &AtomicUsize,
) {
    let config = state.config();
    if state.client_count.fetch_add(1, Ordering::AcqRel) >= config.get(options::MAXCLIENTS) as usize {
        refuse(accepted, state, "-ERR max number of clients reached\r\n");
        return;
    }
    let mut session = Session::new(state.new_client_id(), now_ms());
    session.address = peer;
    session.local_address = local;
    let password = config.get(options::REQUIREPASS);
    session.authenticated = password.is_empty();
    if config.get(options::PROTECTED_MODE) && password.is_empty() && !session.is_local() {
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
    let arbiter = &arbiters[next.fetch_add(1, Ordering::Relaxed) % arbiters.len()];
    arbiter.spawn_fn(move || {
        let Ok((read, write, fd)) = accepted.split() else {
            state.client_count.fetch_sub(1, Ordering::AcqRel);
            return;
        };
        let id = session.id;
        let handle = Arc::new(ClientHandle {
            blocked: Mutex::default(),
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
