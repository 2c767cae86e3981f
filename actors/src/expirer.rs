//! Finds what is due in the index by time, on a thread of its own, and sends it to its partition. While little is due,
//! it surveys the index for INFO.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use pika_core::keyspace::expiry::survey::Survey;
use pika_core::keyspace::expiry::sweep::Sweep;
use pika_core::keyspace::{expiry, slot};

use crate::message::Expire;
use crate::state::{State, lock, now_ms};

/// How often it looks while nothing is due.
const PERIOD: Duration = Duration::from_millis(20);
/// Entries sent at a time: what their removal takes of a thread that serves, others wait.
const BATCH: usize = 256;
/// How soon it sends more, if there is more.
const PAUSE: Duration = Duration::from_millis(5);
/// How long it takes until what was sent is gone from the index.
const REMOVAL: Duration = Duration::from_millis(100);
/// Entries that a survey looks at in a period.
const SURVEY_STEP: usize = 2048;
/// How long a survey rests after it, at the least.
const SURVEY_PERIOD: Duration = Duration::from_millis(500);
/// How much longer it rests than it took: one of a great index shall not cost more than a few percent of a thread.
const SURVEY_REST: u32 = 30;

/// Starts the thread; it ends with the process.
pub fn start(state: Arc<State>) -> std::io::Result<()> {
    std::thread::Builder::new().name("pika-expirer".into()).spawn(move || run(&state)).map(|_| ())
}

fn run(state: &State) {
    let mut surveyor = Surveyor { survey: Survey::default(), worked: Duration::ZERO, resume: Instant::now() };
    let mut sweep = Sweep::default();
    while !state.stopping.load(Ordering::Relaxed) {
        // While clients are paused, nothing is to change; what is due stays hidden.
        let removes = state.active_expire.load(Ordering::Relaxed)
            && state.current_pause().is_none()
            && !state.following.is_slave();
        let ended = if removes { send_due(state, &mut sweep) } else { Some(0) };
        if ended == Some(0) {
            surveyor.step(state);
        }
        std::thread::sleep(match ended {
            None => PAUSE,
            Some(0) => PERIOD,
            Some(_) => REMOVAL,
        });
    }
}

/// Surveys the index, a little at a time.
struct Surveyor {
    survey: Survey,
    /// Time that the present survey has taken.
    worked: Duration,
    resume: Instant,
}

impl Surveyor {
    fn step(&mut self, state: &State) {
        let began = Instant::now();
        if began < self.resume {
            return;
        }
        let result = match self.survey.step(&state.engine, now_ms(), SURVEY_STEP) {
            Ok(result) => result,
            Err(error) => crate::server::fail_stop(&state.logger, &format!("expirer: {error:?}")),
        };
        self.worked += began.elapsed();
        if let Some(found) = result {
            *lock(&state.expiries) = found;
            let worked = std::mem::take(&mut self.worked);
            self.resume = Instant::now() + SURVEY_PERIOD.max(worked * SURVEY_REST);
        }
    }
}

/// Sends what the next step of the sweep finds. If that ends a pass: how much all of it found.
fn send_due(state: &State, sweep: &mut Sweep) -> Option<usize> {
    let step = match sweep.step(&state.engine, now_ms(), BATCH) {
        Ok(step) => step,
        Err(error) => crate::server::fail_stop(&state.logger, &format!("expirer: {error:?}")),
    };
    let partitions = state.partitions();
    let mut shares: HashMap<usize, Vec<expiry::Due>> = HashMap::new();
    for entry in step.due {
        let owner =
            expiry::place_of(&entry).map_or(0, |(slot, _)| slot::partition_of(slot, partitions.len()));
        shares.entry(owner).or_default().push(entry);
    }
    for (owner, due) in shares {
        partitions[owner].do_send(Expire(due));
    }
    step.ended
}
