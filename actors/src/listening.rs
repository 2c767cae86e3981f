//! Sockets that clients connect to: bound at the start, and again when `port`, `tls-port` or `bind` change.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};

use actix_rt::ArbiterHandle;
use pika_core::config::{Config, Id, SetError, options};
use socket2::{Domain, Socket, Type};
use tokio::sync::oneshot;

use crate::listener::{self, Doors};
use crate::state::{State, lock};

/// A TCP address as the configuration names it: a word of `bind`, and `port` or `tls-port`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    word: String,
    port: u16,
    /// Who connects speaks TLS.
    secure: bool,
}

/// Sockets that are bound and do not accept yet.
#[derive(Debug)]
pub struct Bound {
    tcp: Vec<(Place, std::net::TcpListener)>,
    unix: Option<std::os::unix::net::UnixListener>,
}

/// A TCP socket that accepts clients.
#[derive(Debug)]
struct Open {
    place: Place,
    /// Ends it; its task answers when the socket is closed.
    close: oneshot::Sender<std::sync::mpsc::Sender<()>>,
}

/// What listens now, and where what it accepts goes. Changed by the admin actor only.
#[derive(Debug, Default)]
pub struct Listening {
    open: Mutex<Vec<Open>>,
    doors: std::sync::OnceLock<Doors>,
}

/// The TCP addresses of a configuration.
fn places(config: &Config) -> Vec<Place> {
    let ports = [(config.get(options::PORT), false), (config.get(options::TLS_PORT), true)];
    let mut places: Vec<Place> = Vec::new();
    for (port, secure) in ports.into_iter().filter(|(port, _)| *port != 0) {
        for word in config.get(options::BIND) {
            let place = Place { word: word.clone(), port, secure };
            if !places.contains(&place) {
                places.push(place);
            }
        }
    }
    places
}

/// Whether an option says where this server listens.
pub fn concerns(id: Id) -> bool {
    id.is(options::PORT) || id.is(options::TLS_PORT) || id.is(options::BIND)
}

/// Binds all addresses of the configuration.
pub fn bind(config: &Config) -> io::Result<Bound> {
    let mut bound = Bound { tcp: bind_all(&places(config), config)?, unix: None };
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

/// Binds these, or none. One with a leading `-` may be missing on this machine.
fn bind_all(places: &[Place], config: &Config) -> io::Result<Vec<(Place, std::net::TcpListener)>> {
    let backlog = i32::try_from(config.get(options::TCP_BACKLOG)).unwrap_or(i32::MAX);
    let mut bound = Vec::new();
    for place in places {
        let Place { word, port, .. } = place;
        let (optional, name) = word.strip_prefix('-').map_or((false, word.as_str()), |name| (true, name));
        match bind_tcp(name, *port, backlog) {
            Ok(listener) => bound.push((place.clone(), listener)),
            Err(error) if optional && error.kind() != io::ErrorKind::AddrInUse => {}
            Err(error) => {
                let text = format!("cannot listen on {name}:{port}: {error}");
                return Err(io::Error::new(error.kind(), text));
            }
        }
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

/// Begins to accept, on the arbiter of the system's own thread.
pub fn start(bound: Bound, state: &Arc<State>, arbiters: &[ArbiterHandle]) -> io::Result<()> {
    let doors = state.listening.doors.get_or_init(|| Doors::new(arbiters.to_vec()));
    if let Some(socket) = bound.unix {
        listener::accept_unix(socket, state.clone(), doors.clone())?;
    }
    open(state, bound.tcp);
    Ok(())
}

/// Accepts at sockets that are bound. The system's thread takes them over by itself.
fn open(state: &Arc<State>, bound: Vec<(Place, std::net::TcpListener)>) {
    let Some(doors) = state.listening.doors.get() else { return };
    for (place, socket) in bound {
        let (close, closing) = oneshot::channel();
        let secure = place.secure;
        let (state_of_task, doors) = (state.clone(), doors.clone());
        actix_rt::System::current().arbiter().spawn(async move {
            if let Err(error) = listener::accept_tcp(socket, secure, &state_of_task, &doors, closing).await {
                slog::error!(state_of_task.logger, "a listening socket failed"; "error" => %error);
            }
        });
        lock(&state.listening.open).push(Open { place, close });
    }
}

/// Closes sockets, and returns when their addresses are free.
fn close(state: &State, places: &[Place]) {
    let mut open = lock(&state.listening.open);
    let (closing, staying) =
        std::mem::take(&mut *open).into_iter().partition(|one| places.contains(&one.place));
    *open = staying;
    drop(open);
    let (done, wait) = std::sync::mpsc::channel();
    for Open { close, .. } in closing {
        let _ = close.send(done.clone());
    }
    drop(done);
    // Ends when each task has dropped its end.
    while wait.recv().is_ok() {}
}

/// Listens where `config` says, and nowhere else; on an error, where it did before. Addresses that stay are not touched,
/// and clients that are connected stay connected. Called by the admin actor.
///
/// # Errors
/// In Redis's words.
pub fn change(state: &Arc<State>, config: &Config, changed: Id) -> Result<(), SetError> {
    let wanted = places(config);
    let present: Vec<Place> = lock(&state.listening.open).iter().map(|one| one.place.clone()).collect();
    let missing: Vec<Place> = wanted.iter().filter(|place| !present.contains(place)).cloned().collect();
    let leaving: Vec<Place> = present.into_iter().filter(|place| !wanted.contains(place)).collect();
    let failed = |error: io::Error| {
        slog::warn!(state.logger, "cannot listen as asked"; "error" => %error);
        let reason = if changed.is(options::BIND) {
            "Failed to bind to specified addresses."
        } else {
            "Unable to listen on this port. Check server logs."
        };
        SetError::Failed { name: changed.row().name.to_string(), reason: reason.into() }
    };
    let bound = match bind_all(&missing, config) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && !leaving.is_empty() => {
            // It may be our own: all addresses include each of them.
            close(state, &leaving);
            match bind_all(&missing, config) {
                Ok(bound) => bound,
                Err(error) => {
                    match bind_all(&leaving, &state.config()) {
                        Ok(bound) => open(state, bound),
                        Err(error) => {
                            slog::error!(state.logger, "cannot listen as before"; "error" => %error)
                        }
                    }
                    return Err(failed(error));
                }
            }
        }
        other => other.map_err(failed)?,
    };
    close(state, &leaving);
    open(state, bound);
    Ok(())
}
