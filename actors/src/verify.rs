//! VERIFY: this server's data compared with another's, in the background.
//!
//! | file | what |
//! |------|------|
//! | `verify/moments.rs` | moments that this server keeps for others that compare |
//! | `verify/agree.rs` | one offset for both sides |
//! | `verify/pika.rs` | the other side, if it is a Pika: sums over ranges of its moment |
//! | `verify/keys.rs` | the other side, if it is none: its keys are read |
//! | `verify/course.rs` | a comparison from its beginning to its end |
//! | `verify/repair.rs` | what differs comes anew through the master's stream |
//!
//! It runs on a thread of its own, which gives way to those that serve; the stores are read from snapshots.

use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use pika_core::config::options;
use pika_core::replication::verify::{self, Status, Target};

use crate::service::Service;
use crate::state::{State, lock, now_ms};

mod agree;
mod course;
mod keys;
pub mod moments;
mod pika;
mod repair;

use course::Course;

/// How much it gives way to threads that serve; as `nice`.
const GIVES_WAY: i32 = 10;

/// The comparison that is under way, or was the last; and the moments that others compare with.
#[derive(Debug, Default)]
pub struct Verification {
    status: Mutex<Status>,
    running: AtomicBool,
    stopped: AtomicBool,
    /// The connection to the other server: to end what waits for it.
    socket: Mutex<Option<TcpStream>>,
    /// See [`moments`].
    pub moments: moments::Moments,
}

/// VERIFY START.
///
/// # Errors
/// For the client: one is under way, there is nobody to compare with, or nothing can be repaired.
pub fn start(service: &Service, target: Option<Target>, repair: bool) -> Result<(), String> {
    let state = &service.state;
    let config = state.config();
    if repair && !state.following.is_slave() {
        return Err(
            "REPAIR needs a slave of the server that it compares with: what is repaired comes through the \
                    master's stream"
                .into(),
        );
    }
    if config.get(options::TLS_REPLICATION) {
        return Err("VERIFY does not speak TLS, which tls-replication asks for".into());
    }
    let target = match (target, state.following.link()) {
        (Some(target), _) => target,
        (None, None) => return Err("this server has no master: name a host and a port".into()),
        (None, Some(link)) => Target {
            host: link.host,
            port: link.port,
            user: config.get(options::MASTERUSER).to_string(),
            password: config.get(options::MASTERAUTH).to_string(),
        },
    };
    let verification = &state.replication.verification;
    if verification.running.swap(true, Ordering::AcqRel) {
        return Err("a comparison is under way: VERIFY STATUS tells how far it is".into());
    }
    verification.stopped.store(false, Ordering::Release);
    *lock(&verification.status) = Status {
        state: verify::State::Running,
        with: format!("{}:{}", target.host, target.port),
        repairs: repair,
        began_ms: now_ms(),
        ..Status::default()
    };
    let service = Service { state: state.clone() };
    let spawned = std::thread::Builder::new().name("pika-verify".into()).spawn(move || {
        crate::system::give_way(GIVES_WAY);
        run(&service, &target, repair);
    });
    spawned.map(|_| ()).map_err(|error| {
        verification.running.store(false, Ordering::Release);
        error.to_string()
    })
}

fn run(service: &Service, target: &Target, repair: bool) {
    let state = &service.state;
    let verification = &state.replication.verification;
    slog::info!(state.logger, "comparing the data with another server's"; "with" => format!("{target:?}"),
        "repair" => repair);
    let result = Course::new(service, target, repair).and_then(|mut course| course.run());
    *lock(&verification.socket) = None;
    let mut status = lock(&verification.status);
    status.ended_ms = now_ms();
    match result {
        Ok(()) => status.state = verify::State::Done,
        Err(_) if verification.stopped.load(Ordering::Acquire) => status.state = verify::State::Stopped,
        Err(error) => (status.state, status.error) = (verify::State::Failed, error),
    }
    let names: Vec<String> = status.named.iter().take(10).map(show).collect();
    if status.different > 0 {
        slog::error!(state.logger, "the data differs from another server's"; "with" => &status.with,
            "different" => status.different, "repaired" => status.repaired, "first" => names.join(" "));
    }
    slog::info!(state.logger, "a comparison has ended"; "with" => &status.with, "state" => status.state.name(),
        "keys" => status.keys, "different" => status.different, "ms" => status.took_ms(now_ms()),
        "error" => &status.error);
    drop(status);
    verification.running.store(false, Ordering::Release);
}

/// A key, for people.
fn show(key: &verify::Key) -> String {
    format!("{}:{}", key.database, key.name.escape_ascii())
}

/// VERIFY STOP: whether there was something to stop.
pub fn stop(service: &Service) -> bool {
    let verification = &service.state.replication.verification;
    if !verification.running.load(Ordering::Acquire) {
        return false;
    }
    verification.stopped.store(true, Ordering::Release);
    if let Some(socket) = &*lock(&verification.socket) {
        let _ = socket.shutdown(std::net::Shutdown::Both);
    }
    true
}

/// VERIFY STATUS.
pub fn status(service: &Service) -> Status {
    lock(&service.state.replication.verification.status).clone()
}

/// Whether the comparison is to end: it was stopped, or the server stops.
fn is_stopped(state: &Arc<State>) -> bool {
    state.replication.verification.stopped.load(Ordering::Acquire) || state.stopping.load(Ordering::Acquire)
}
