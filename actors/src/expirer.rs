//! Finds what is due in the index by time, on a thread of its own, and sends it to its partition. While little is due,
//! it surveys the index for INFO.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use pika_core::keyspace::expiry::survey::Survey;
use pika_core::keyspace::{expiry, slot};

use crate::message::Expire;
use crate::state::{State, lock, now_ms};

/// How often it looks while little is due.
const PERIOD: Duration = Duration::from_millis(20);
/// Entries sent at a time; while there are more, it comes back at once.
const BATCH: usize = 1024;
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
    while !state.stopping.load(Ordering::Relaxed) {
        // While clients are paused, nothing is to change; what is due stays hidden.
        let removes = state.active_expire.load(Ordering::Relaxed)
            && state.current_pause().is_none()
            && !state.following.is_slave();
        let found = if removes { send_due(state) } else { 0 };
        if found < BATCH {
            surveyor.step(state);
        }
        // What was sent is removed from the index a few milliseconds later: looking sooner would find it again.
        std::thread::sleep(if found == BATCH { PERIOD / 4 } else { PERIOD });
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

/// Sends what is due, and says how much that was.
fn send_due(state: &State) -> usize {
    let due = match expiry::due(&state.engine, now_ms(), BATCH) {
        Ok(due) => due,
        Err(error) => crate::server::fail_stop(&state.logger, &format!("expirer: {error:?}")),
    };
    let count = due.len();
    let partitions = state.partitions();
    let mut shares: HashMap<usize, Vec<expiry::Due>> = HashMap::new();
    for entry in due {
        let owner =
            expiry::place_of(&entry).map_or(0, |(slot, _)| slot::partition_of(slot, partitions.len()));
        shares.entry(owner).or_default().push(entry);
    }
    for (owner, due) in shares {
        partitions[owner].do_send(Expire(due));
    }
    count
}
