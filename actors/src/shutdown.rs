//! SHUTDOWN: waits for slaves (`shutdown-timeout`), with writes held up, before the process ends. ABORT stops that.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use pika_core::config::options;
use pika_core::replication::master::Stage;
use pika_core::server::{Server, Shutdown};

use crate::message::AskReplicas;
use crate::service::Service;
use crate::state::{Hold, State, lock};

/// How often it is looked whether all slaves have everything.
const LOOK: Duration = Duration::from_millis(10);

/// Who waits for slaves before the process ends.
#[derive(Debug, Default)]
pub struct Waiting {
    waiting: AtomicUsize,
    /// Grows with each ABORT.
    aborts: AtomicUsize,
}

impl Waiting {
    /// Whether the process ends when slaves have everything.
    pub fn is_waiting(&self) -> bool {
        self.waiting.load(Ordering::Acquire) > 0
    }

    /// Stops all that wait. Returns whether any did.
    pub fn abort(&self) -> bool {
        let any = self.is_waiting();
        if any {
            self.aborts.fetch_add(1, Ordering::AcqRel);
        }
        any
    }
}

/// Ends the process: after slaves have everything, unless it is to be NOW. Only for threads that serve no one.
///
/// # Errors
/// It was stopped, or the backup that was asked for failed: the server goes on.
pub fn run(service: &Service, request: Shutdown) -> Result<(), String> {
    let state = &service.state;
    if !request.now {
        let began = state.shutdown.aborts.load(Ordering::Acquire);
        state.shutdown.waiting.fetch_add(1, Ordering::AcqRel);
        let waited = wait_for_slaves(state, began);
        if waited.is_err() {
            leave(state);
            return waited;
        }
    }
    if request.save == Some(true)
        && let Err(error) = service.save()
        && !request.force
    {
        if !request.now {
            leave(state);
        }
        return Err(error);
    }
    crate::server::stop(service)
}

/// One that waited goes on instead; with the last of them, so do clients that write.
fn leave(state: &State) {
    if state.shutdown.waiting.fetch_sub(1, Ordering::AcqRel) == 1 {
        state.hold_writes(Hold::Shutdown, false);
    }
}

/// How many slaves are online, and how many of them lack something.
fn lagging(state: &State) -> (usize, usize) {
    let end = state.shared.next_offset();
    let master = lock(&state.replication.master);
    let online =
        master.replicas().filter(|(_, replica)| replica.stage == Stage::Online && !replica.announced.silent);
    let behind: Vec<bool> = online.map(|(_, replica)| replica.acknowledged < end).collect();
    (behind.len(), behind.iter().filter(|behind| **behind).count())
}

fn wait_for_slaves(state: &Arc<State>, began: usize) -> Result<(), String> {
    let timeout = Duration::from_secs(u64::from(state.config().get(options::SHUTDOWN_TIMEOUT)));
    if timeout.is_zero() || state.following.is_slave() || lagging(state).0 == 0 {
        return Ok(());
    }
    state.hold_writes(Hold::Shutdown, true);
    if let Some(actor) = state.replication.actor.get() {
        actor.do_send(AskReplicas);
    }
    slog::info!(state.logger, "waiting for slaves before the end"; "seconds at most" => timeout.as_secs());
    let until = Instant::now() + timeout;
    loop {
        std::thread::sleep(LOOK);
        if state.shutdown.aborts.load(Ordering::Acquire) != began {
            slog::warn!(state.logger, "the shutdown was stopped: the server goes on");
            return Err("Errors trying to SHUTDOWN. Check logs.".into());
        }
        let (online, behind) = lagging(state);
        if behind == 0 || Instant::now() >= until {
            let level = if behind == 0 { "all slaves have everything" } else { "slaves lack something" };
            slog::info!(state.logger, "{}", level; "slaves" => online, "behind" => behind);
            return Ok(());
        }
    }
}
