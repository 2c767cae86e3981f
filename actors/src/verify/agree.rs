//! One offset for both sides.
//!
//! A slave's log is its master's, byte for byte, so that an offset names the same data on both. The slave holds its
//! stream up, and has the other side keep a moment: that one's offset lies ahead, or just here. The stream then goes on
//! exactly up to there, the slave keeps its own moment, and the stream goes on. So it is held up for the time of one
//! request and of one moment on each side; nobody waits for it, the slave only falls behind for as long.

use std::time::{Duration, Instant};

use pika_core::replication::ReplicationId;
use pika_core::replication::snapshot::Snapshot;

use super::is_stopped;
use crate::replication::full::{take, take_now};
use crate::service::Service;
use crate::state::{State, lock};

/// How long the stream may bring nothing of what is missing.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(1);

/// Lets the stream go on, whatever happens.
struct Halt<'a>(&'a State);

impl Drop for Halt<'_> {
    fn drop(&mut self) {
        self.0.following.halt.send_replace(None);
    }
}

/// What the other side said, this side's moment, and the offset that both are of, if there is one.
pub(super) struct Agreed<T> {
    pub(super) told: T,
    pub(super) here: Snapshot,
    pub(super) offset: Option<u64>,
}

/// Keeps a moment here that is of the offset that `ask` says the other side's is of; if there is none, because the
/// other's data is of another history, it is a moment of a little later.
///
/// # Errors
/// Those of `ask`; and the stream does not come as far, or it is stopped.
pub(super) fn agree<T>(
    service: &Service,
    ask: impl FnOnce() -> Result<(T, Option<(ReplicationId, u64)>), String>,
) -> Result<Agreed<T>, String> {
    let state = &service.state;
    // So that little is left to be done while the stream stands still.
    service.drain();
    if !state.following.is_up() {
        let (told, _) = ask()?;
        return Ok(Agreed { told, here: take(service)?, offset: None });
    }
    let stream = state.following.steps.blocking_lock();
    let (id, from) = (lock(&state.replication.history).id(), state.log.committed());
    let (told, theirs) = ask()?;
    let at = theirs.filter(|(other, at)| *other == id && *at >= from).map(|(_, at)| at);
    let Some(at) = at else {
        drop(stream);
        return Ok(Agreed { told, here: take(service)?, offset: None });
    };
    state.following.halt.send_replace(Some(at));
    let halt = Halt(state);
    drop(stream);
    arrive(service, at)?;
    let here = take_now(service)?;
    drop(halt);
    match here.offset() == at {
        true => Ok(Agreed { told, here, offset: Some(at) }),
        false => Err(format!("the stream went on to {} though it was to stop at {at}", here.offset())),
    }
}

/// Waits until the stream has come to an offset.
fn arrive(service: &Service, at: u64) -> Result<(), String> {
    let state = &service.state;
    let (mut last, mut since) = (state.log.committed(), Instant::now());
    while last < at {
        if is_stopped(state) {
            return Err("it was stopped".into());
        }
        if since.elapsed() > PATIENCE {
            return Err(format!("the master's stream does not come to {at}: it stands at {last}"));
        }
        std::thread::sleep(LOOK);
        let now = state.log.committed();
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
    Ok(())
}
