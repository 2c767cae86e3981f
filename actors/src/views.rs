//! Threads that make long replies from kept moments.
//!
//! Few of them run at a time. One that waits for its client does not count: another one takes its place, so that
//! clients that read slowly hold up nobody else. If as many wait as there may be threads, the one that has waited
//! longest is given up for the next.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::reads::{GIVES_WAY, Job};
use crate::state::lock;

/// So many threads there are at most, waiting ones included.
const MOST: usize = 512;
/// A thread that has found nothing to do for so long ends.
const IDLE: Duration = Duration::from_secs(10);
/// No wait shorter than this is ended for the next job.
const SHORTEST: Duration = Duration::from_secs(1);
/// Of a thread: commands on views are not deep. Most of it is never touched. Bytes.
const STACK: usize = 1 << 20;

#[derive(Default)]
struct Pool {
    jobs: VecDeque<Job>,
    running: usize,
    idle: usize,
    threads: usize,
    /// Since when threads have waited for their clients, and a number for each wait.
    outside: BTreeSet<(Instant, u64)>,
    waits: u64,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Pool { jobs, running, idle, threads, .. } = self;
        write!(out, "{} jobs, {running} of {threads} threads run, {idle} are idle", jobs.len())
    }
}

#[derive(Debug)]
struct Shared {
    pool: Mutex<Pool>,
    work: Condvar,
    /// How many run at a time.
    at_once: usize,
}

/// See the module's documentation.
#[derive(Debug, Clone)]
pub struct Views(Arc<Shared>);

impl Views {
    /// Threads of which `at_once` run at a time.
    pub fn new(at_once: usize) -> Views {
        Views(Arc::new(Shared { pool: Mutex::default(), work: Condvar::new(), at_once: at_once.max(1) }))
    }

    /// Runs a job on one of the threads. What is queued is bounded by the connections: each waits for its own job.
    pub fn run(&self, job: impl FnOnce() + Send + 'static) {
        let mut pool = lock(&self.0.pool);
        pool.jobs.push_back(Box::new(job));
        self.provide(&mut pool);
    }

    /// Runs `wait` on the thread of a job, which meanwhile does not count as running. When what `wait` is given
    /// says so, it has to end: its thread is needed.
    pub fn while_outside(&self, wait: impl FnOnce(&dyn Fn() -> bool)) {
        let place = {
            let mut pool = lock(&self.0.pool);
            pool.running -= 1;
            pool.waits += 1;
            let place = (Instant::now(), pool.waits);
            pool.outside.insert(place);
            self.provide(&mut pool);
            place
        };
        wait(&|| {
            let pool = lock(&self.0.pool);
            let starved = !pool.jobs.is_empty() && pool.threads == MOST && pool.outside.len() == MOST;
            starved && pool.outside.first() == Some(&place) && place.0.elapsed() >= SHORTEST
        });
        let mut pool = lock(&self.0.pool);
        pool.outside.remove(&place);
        pool.running += 1;
    }

    /// Sees to it that somebody takes the next job.
    fn provide(&self, pool: &mut Pool) {
        if pool.jobs.is_empty() || pool.running >= self.0.at_once {
            return;
        }
        if pool.idle > 0 {
            self.0.work.notify_one();
        } else if pool.threads < MOST {
            pool.threads += 1;
            let shared = self.0.clone();
            let name = format!("pika-view-{}", pool.threads);
            let started = std::thread::Builder::new().name(name).stack_size(STACK).spawn(move || {
                crate::system::give_way(GIVES_WAY);
                serve(&shared);
            });
            if started.is_err() {
                // Whoever is done next takes the job; there is somebody, unless the system grants no thread at all.
                pool.threads -= 1;
            }
        }
    }
}

fn serve(shared: &Shared) {
    let mut pool = lock(&shared.pool);
    loop {
        if pool.running < shared.at_once
            && let Some(job) = pool.jobs.pop_front()
        {
            pool.running += 1;
            drop(pool);
            job();
            pool = lock(&shared.pool);
            pool.running -= 1;
            continue;
        }
        pool.idle += 1;
        let (woken, timeout) = shared.work.wait_timeout(pool, IDLE).unwrap_or_else(PoisonError::into_inner);
        pool = woken;
        pool.idle -= 1;
        if timeout.timed_out() && (pool.jobs.is_empty() || pool.running >= shared.at_once) {
            pool.threads -= 1;
            return;
        }
    }
}
