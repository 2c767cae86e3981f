//! MIGRATE, on a thread that may wait for another server.
//!
//! The keys go in batches: what they hold is read in their partitions (`migration/keys.rs`), sent as RESTORE over one
//! connection (`migration/links.rs`), and each key that the other server took is removed here, unless it changed since it
//! was read. One that did is read and sent again; one that is gone by then is removed there.

use std::io::ErrorKind;
use std::sync::Arc;

use pika_core::server::{Migration, Moved};
use pika_core::session::Session;

mod keys;
mod links;

use keys::{Keys, Read, Removed};
pub use links::Links;
use links::{Answer, Failure, Link};

use crate::state::State;

/// What a batch of requests may be before it is sent: bytes, and keys.
const BATCH: (usize, usize) = (1024 * 1024, 256);
/// How often a key is sent that goes on changing.
const ROUNDS: usize = 32;

/// Moves or copies keys. An error is what the client gets.
pub fn run(state: &Arc<State>, session: &Session, migration: &Migration) -> Result<Moved, String> {
    let mut course = Course {
        state,
        migration,
        keys: Keys::new(state, session),
        link: None,
        answered: false,
        may_retry: true,
        refusal: None,
    };
    let done = course.go();
    match (course.refusal.take(), done) {
        // What the other server said first is told, whatever came afterwards.
        (Some(refusal), _) => {
            course.put_back();
            Err(refused(&refusal))
        }
        (None, Ok(moved)) => {
            course.put_back();
            Ok(moved)
        }
        (None, Err(trouble)) => Err(trouble),
    }
}

fn refused(text: &[u8]) -> String {
    format!("ERR Target instance replied with error: {}", String::from_utf8_lossy(text))
}

fn failed(failure: &Failure) -> String {
    match failure {
        Failure::Connecting => "IOERR error or timeout connecting to the client".into(),
        Failure::Writing(_) => "IOERR error or timeout writing to target instance".into(),
        Failure::Reading(_) => "IOERR error or timeout reading to target instance".into(),
        Failure::Refused(text) => refused(text),
    }
}

/// One run of the command.
struct Course<'a> {
    state: &'a Arc<State>,
    migration: &'a Migration,
    keys: Keys<'a>,
    link: Option<Link>,
    /// The other server answered a request: nothing is sent a second time for a broken connection.
    answered: bool,
    may_retry: bool,
    /// The first error that the other server answered.
    refusal: Option<Vec<u8>>,
}

impl Course<'_> {
    fn go(&mut self) -> Result<Moved, String> {
        let mut left = self.migration.keys.iter();
        let mut moved = Moved::Nothing;
        loop {
            let mut batch: Vec<Read<'_>> = Vec::new();
            let mut bytes = 0;
            while bytes < BATCH.0
                && batch.len() < BATCH.1
                && let Some(key) = left.next()
            {
                if let Some(read) = self.keys.read(key, self.migration.replace)? {
                    bytes += read.request.len();
                    batch.push(read);
                }
            }
            if batch.is_empty() {
                return Ok(moved);
            }
            moved = Moved::Some;
            let (taken, trouble) = self.send(&mut batch);
            if !self.migration.copy {
                self.remove(batch, &taken)?;
            }
            if let Some(failure) = trouble {
                return Err(failed(&failure));
            }
            if self.link.is_none() {
                // It was refused before a key was sent.
                return Ok(moved);
            }
        }
    }

    /// Sends a batch. Which keys the other server took, and what went wrong; its errors are kept apart.
    fn send(&mut self, batch: &mut [Read<'_>]) -> (Vec<bool>, Option<Failure>) {
        let mut taken = vec![false; batch.len()];
        loop {
            let failure = match self.try_to_send(batch, &mut taken) {
                Ok(()) => return (taken, None),
                Err(failure) => failure,
            };
            self.link = None;
            match failure {
                Failure::Refused(text) => {
                    self.refusal.get_or_insert(text);
                    return (taken, None);
                }
                // As Redis does: once, if nothing was answered, and not after a timeout. A connection that was kept
                // may have been closed by the other side.
                Failure::Reading(kind) | Failure::Writing(kind)
                    if self.may_retry && !self.answered && !is_timeout(kind) =>
                {
                    self.may_retry = false;
                }
                failure => return (taken, Some(failure)),
            }
        }
    }

    fn try_to_send(&mut self, batch: &[Read<'_>], taken: &mut [bool]) -> Result<(), Failure> {
        if self.link.is_none() {
            // The second time a fresh one.
            let kept = if self.may_retry { self.state.links.take(self.migration) } else { None };
            let link = match kept {
                Some(link) => link,
                None => Link::connect(self.state, self.migration)?,
            };
            self.link = Some(link);
        }
        let Some(link) = &mut self.link else { return Err(Failure::Connecting) };
        link.begin(self.migration)?;
        for read in batch {
            link.write(&read.request)?;
        }
        for taken in taken {
            match link.answer()? {
                Answer::Done => *taken = true,
                Answer::Refused(text) => {
                    self.refusal.get_or_insert(text);
                }
            }
            self.answered = true;
        }
        Ok(())
    }

    /// Removes the keys that were taken, and sends again what changed meanwhile.
    fn remove(&mut self, batch: Vec<Read<'_>>, taken: &[bool]) -> Result<(), String> {
        let sent = batch.into_iter().zip(taken).filter_map(|(read, taken)| taken.then_some(read));
        let sent: Vec<Read<'_>> = sent.collect();
        let removed = self.keys.remove(&sent)?;
        for (read, removed) in sent.into_iter().zip(removed) {
            if removed == Removed::Changed {
                self.follow(read.key)?;
            }
        }
        Ok(())
    }

    /// Goes on with a key that changed after it was sent.
    fn follow(&mut self, key: &[u8]) -> Result<(), String> {
        for _ in 1..ROUNDS {
            let Some(read) = self.keys.read(key, true)? else {
                // Whoever removed it finds it nowhere.
                return self.ask_about(key, &keys::request(&[b"DEL", key]));
            };
            self.ask_about(key, &read.request)?;
            if self.refusal.is_some() {
                return Ok(());
            }
            if self.keys.remove(&[read])? == [Removed::Done] {
                return Ok(());
            }
        }
        self.ask_about(key, &keys::request(&[b"DEL", key]))?;
        Err("TRYAGAIN a key changed again and again while it was sent; it was not moved".into())
    }

    /// One more request on the connection that took the key.
    fn ask_about(&mut self, _key: &[u8], request: &[u8]) -> Result<(), String> {
        let lost = || failed(&Failure::Writing(ErrorKind::NotConnected));
        let link = self.link.as_mut().ok_or_else(lost)?;
        match link.write(request).and_then(|()| link.answer()) {
            Ok(Answer::Done) => Ok(()),
            Ok(Answer::Refused(text)) => {
                self.refusal.get_or_insert(text);
                Ok(())
            }
            Err(failure) => {
                self.link = None;
                Err(failed(&failure))
            }
        }
    }

    /// Keeps the connection for the next run.
    fn put_back(&mut self) {
        if let Some(link) = self.link.take() {
            self.state.links.put(self.migration, link);
        }
    }
}

fn is_timeout(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
