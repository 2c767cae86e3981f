//! Threads that wait for the disk, or work for long, so that no thread that serves clients has to.
//!
//! There are several pools, so that short work does not wait behind long work: one fetches entries that are on disk; one
//! runs commands over lent partitions, whose clients all wait for it; one waits for other servers. Long replies are made
//! elsewhere: see [`crate::views`].

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use crate::state::lock;

/// What a thread of a pool runs.
pub type Job = Box<dyn FnOnce() + Send>;

/// How much threads give way to those that serve clients, if they make long replies or write the store; as `nice`.
pub const GIVES_WAY: i32 = 5;

/// A pool of threads with one queue. What is queued is bounded by the connections: each waits for its own job.
#[derive(Debug, Clone)]
pub struct ReadPool {
    jobs: Sender<Job>,
}

impl ReadPool {
    /// Starts `threads` threads of a name.
    pub fn start(name: &str, threads: usize) -> std::io::Result<ReadPool> {
        let (jobs, queue) = channel::<Job>();
        let queue = Arc::new(Mutex::new(queue));
        for index in 0..threads.max(1) {
            let queue = queue.clone();
            std::thread::Builder::new().name(format!("{name}-{index}")).spawn(move || work(&queue))?;
        }
        Ok(ReadPool { jobs })
    }

    /// Runs a job on one of the threads.
    pub fn run(&self, job: impl FnOnce() + Send + 'static) {
        // The threads live as long as a sender does.
        let _ = self.jobs.send(Box::new(job));
    }
}

fn work(queue: &Mutex<Receiver<Job>>) {
    loop {
        let job = lock(queue).recv();
        let Ok(job) = job else { return };
        job();
    }
}
