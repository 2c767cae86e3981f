//! What differs from the master, fetched again: the keys that this server wrote behind the fork, and those that the master
//! did. Why these are enough: [`pika_core::replication::refetch`].
//!
//! All is fetched first. Then all partitions' states are held, and the values, the position and the mark that the log
//! begins anew go to the store as one batch: a process that dies has what it had before, or all of it. Whatever cannot
//! be done this way is done by a full synchronisation: the next question to the master does not offer this one.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use pika_core::config::options;
use pika_core::engine::Engine;
use pika_core::keyspace::load::{LogRestart, Patch, Patcher};
use pika_core::keyspace::partition::Partition;
use pika_core::keyspace::recovery;
use pika_core::rdb::Value;
use pika_core::replication::ReplicationId;
use pika_core::replication::refetch::{MOST_ASKED, MOST_VALUES, decode};
use pika_core::replication::slave::{Event, Position, Settings};
use pika_core::replication::verify::Key;
use pika_core::server::Refetch;

use super::client::{Answer, Client};
use super::sync::{InPlace, on_writer, put_in_place};
use super::{Link, News};
use crate::followed;
use crate::service::Service;
use crate::state::{State, lock, now_ms};

/// How often in a row it is tried before everything is fetched.
const MOST_TRIES: u32 = 6;

/// What is fetched again. Dropped, it is given up; if it is being put into its place, that is waited for: whoever goes on
/// with the link finds the data of before, or that of after.
#[derive(Debug)]
pub(super) struct Refetching {
    given_up: Arc<Mutex<bool>>,
}

impl Drop for Refetching {
    fn drop(&mut self) {
        *lock(&self.given_up) = true;
    }
}

/// Why it ended before its end.
#[derive(Debug)]
enum Failure {
    /// It is tried again.
    Again(String),
    /// Everything has to be fetched.
    Otherwise(String),
}

/// A key and what it holds, until when (Unix time in ms).
type Fetched = (Key, Option<(Value, Option<u64>)>);

impl Link {
    /// Fetches on a thread of its own what differs behind `common`, a position of the master's history.
    pub(super) fn refetch(&mut self, common: Position) -> Result<(), String> {
        let link = self.state.following.link().ok_or("this server is no slave")?;
        let given_up = Arc::new(Mutex::new(false));
        self.refetching = Some(Refetching { given_up: given_up.clone() });
        let work = Work {
            state: self.state.clone(),
            host: link.host,
            port: link.port,
            settings: self.settings(),
            common,
            given_up,
        };
        let (news, session, whole) = (self.news.clone(), self.session, self.whole.clone());
        let tries = self.tries.clone();
        let spawned = std::thread::Builder::new().name("pika-refetch".into()).spawn(move || {
            let result = work.run().map_err(|failure| work.explain(failure, &whole, &tries));
            if result.is_ok() {
                tries.store(0, Ordering::Relaxed);
            }
            let _ = news.send(News::Refetched(session, result));
        });
        spawned.map(|_| ()).map_err(|error| error.to_string())
    }

    /// It is in its place, or cannot be had.
    pub(super) async fn refetched(&mut self, result: Result<(), String>) {
        self.refetching = None;
        let event = match &result {
            Ok(()) => Event::Loaded(Ok(())),
            Err(why) => Event::Loaded(Err(why)),
        };
        self.handle(event).await;
    }
}

struct Work {
    state: Arc<State>,
    host: String,
    port: u16,
    settings: Settings,
    common: Position,
    given_up: Arc<Mutex<bool>>,
}

impl Work {
    fn explain(&self, failure: Failure, whole: &AtomicBool, tries: &AtomicU32) -> String {
        let failure = match failure {
            Failure::Again(why) if tries.fetch_add(1, Ordering::Relaxed) + 1 >= MOST_TRIES => {
                Failure::Otherwise(format!("it was tried {MOST_TRIES} times: {why}"))
            }
            failure => failure,
        };
        match failure {
            Failure::Again(why) => why,
            Failure::Otherwise(why) => {
                whole.store(true, Ordering::Release);
                slog::warn!(self.state.logger, "what differs from the master cannot be fetched alone: everything is";
                    "because" => &why);
                self.say(&format!("everything is fetched, because: {why}"));
                format!("{why}; the next time everything is fetched")
            }
        }
    }

    /// For INFO.
    fn say(&self, text: &str) {
        let at_s = now_ms() / 1000;
        self.state.following.change(|link| link.refetch = format!("{at_s}: {text}"));
    }

    fn check_wanted(&self) -> Result<(), Failure> {
        match *lock(&self.given_up) {
            true => Err(Failure::Again("it was given up".into())),
            false => Ok(()),
        }
    }

    fn run(&self) -> Result<(), Failure> {
        let (state, began) = (&self.state, Instant::now());
        let (from, end) = (self.common.offset, state.log.committed());
        let lost_commands =
            super::divergence::keep(state, self.common, Some(from)).map_err(Failure::Again)?;
        if state.log.facts().oldest_offset > from {
            return Err(Failure::Otherwise("this server's log no longer has all that it wrote alone".into()));
        }
        let lost = crate::replication::refetch::touched(state, from, end).map_err(Failure::Otherwise)?;
        let mut client = Client::connect(&self.host, self.port, &self.settings)
            .map_err(|error| Failure::Again(format!("connecting to the master for what differs: {error}")))?;
        let opened = self.open(&mut client)?;
        let (written, since) = (lost.len(), opened.keys.len());
        let mut keys: BTreeSet<Key> = lost.into_keys();
        keys.extend(opened.keys.iter().cloned());
        let fetched = self.fetch(&mut client, &opened.moment, keys.into_iter().collect());
        // If this fails, it goes by itself.
        let _ = client.call(&[b"REFETCH", b"CLOSE", opened.moment.as_bytes()]);
        let fetched = fetched?;
        let count = fetched.len();
        let at = Position { id: opened.id, offset: opened.offset };
        self.put_in_place(fetched, at, opened.database, end)?;
        let text = format!(
            "{lost_commands} commands of this server alone are undone: {count} keys were fetched again ({written} that \
             they wrote, {since} that the master wrote since offset {from}), as of {} of {}",
            at.offset, at.id
        );
        slog::warn!(state.logger, "what differed from the master was fetched again"; "lost-commands" => lost_commands,
            "keys" => count, "written-here" => written, "written-there" => since, "common-offset" => from,
            "offset" => at.offset, "ms" => began.elapsed().as_millis() as u64);
        self.say(&text);
        state.following.change(|link| link.refetches += 1);
        Ok(())
    }

    fn open(&self, client: &mut Client) -> Result<Refetch, Failure> {
        let (id, offset) = (self.common.id.to_string(), self.common.offset.to_string());
        let answer = client.call(&[b"REFETCH", b"OPEN", id.as_bytes(), offset.as_bytes()]);
        let parts = match answer.map_err(|error| Failure::Again(format!("the master: {error}")))? {
            Answer::Array(parts) => parts,
            Answer::Error(text) => return Err(refusal(&text)),
            other => return Err(Failure::Otherwise(format!("REFETCH OPEN is answered {other:?}"))),
        };
        opened(&parts).ok_or_else(|| Failure::Otherwise("REFETCH OPEN is answered oddly".into()))
    }

    /// The values of keys at a moment of the master.
    fn fetch(&self, client: &mut Client, moment: &str, keys: Vec<Key>) -> Result<Vec<Fetched>, Failure> {
        let odd = || Failure::Otherwise("REFETCH READ is answered oddly".into());
        let (mut fetched, mut bytes) = (Vec::with_capacity(keys.len()), 0);
        while fetched.len() < keys.len() {
            self.check_wanted()?;
            let rest = &keys[fetched.len()..];
            let asked = &rest[..rest.len().min(MOST_ASKED)];
            let databases: Vec<String> = asked.iter().map(|key| key.database.to_string()).collect();
            let mut words: Vec<&[u8]> = vec![b"REFETCH", b"READ", moment.as_bytes()];
            for (key, database) in asked.iter().zip(&databases) {
                words.extend([database.as_bytes(), &key.name[..]]);
            }
            let answer =
                client.call(&words).map_err(|error| Failure::Again(format!("the master: {error}")))?;
            let parts = match answer {
                Answer::Array(parts) => parts,
                Answer::Error(text) => return Err(refusal(&text)),
                _ => return Err(odd()),
            };
            if parts.is_empty() || parts.len() % 2 != 0 || parts.len() / 2 > asked.len() {
                return Err(odd());
            }
            for (key, pair) in asked.iter().zip(parts.chunks(2)) {
                let value = match pair {
                    [Answer::Integer(-2), Answer::Bulk(None)] => None,
                    [Answer::Integer(at_ms), Answer::Bulk(Some(dump))] => {
                        bytes += dump.len() as u64;
                        let value = decode(dump).ok_or_else(odd)?;
                        let expire_ms = (*at_ms >= 0).then_some(at_ms.unsigned_abs());
                        Some((value, expire_ms))
                    }
                    _ => return Err(odd()),
                };
                fetched.push((key.clone(), value));
            }
            if bytes > MOST_VALUES {
                let most = MOST_VALUES >> 20;
                return Err(Failure::Otherwise(format!("more than {most} MiB of values differ")));
            }
        }
        Ok(fetched)
    }

    /// Makes this server's data, whose log ends at `end`, that of the master at a position.
    fn put_in_place(
        &self,
        fetched: Vec<Fetched>,
        at: Position,
        database: u16,
        end: u64,
    ) -> Result<(), Failure> {
        let state = &self.state;
        // All that this server has is in the store, and nobody changes it: a slave without a stream.
        Service { state: state.clone() }.drain();
        let databases = state.config().get(options::DATABASES) as usize;
        let found = on_writer(state, move |store| recovery::read(&store.engine, databases));
        let refused = |error: &dyn std::fmt::Display| Failure::Otherwise(error.to_string());
        let engine: Arc<dyn Engine> = Arc::new(state.engine.clone());
        let next_version = state.shared.next_version();
        let settings = (*state.settings()).clone();
        let mut patcher =
            Patcher::new(engine, &found, next_version, settings).map_err(|error| refused(&error))?;
        for (key, value) in fetched {
            patcher.put(key.database, &key.name, value).map_err(|error| refused(&error))?;
        }
        let mut id = [0; ReplicationId::LENGTH];
        id.copy_from_slice(at.id.as_str().as_bytes());
        let restart = LogRestart { offset: at.offset, id, database };
        let patch = patcher.finish(restart, state.identity.partitions);
        let patch = patch.ok_or_else(|| Failure::Otherwise("there is nothing to put in place".into()))?;
        // From here on nobody goes on with the link.
        let given_up = lock(&self.given_up);
        if *given_up {
            return Err(Failure::Again("it was given up".into()));
        }
        let done = replace(state, patch, at, end).map_err(Failure::Again);
        drop(given_up);
        done
    }
}

/// What a master's error means: it cannot do it now, or not at all.
fn refusal(text: &str) -> Failure {
    let why = format!("the master: {text}");
    if text.starts_with("TRYAGAIN") { Failure::Again(why) } else { Failure::Otherwise(why) }
}

/// Shows what was fetched, in the place of what it is instead of. `end`: where the log ended that it
/// was made from.
fn replace(state: &Arc<State>, patch: Patch, at: Position, end: u64) -> Result<(), String> {
    let (tell, told) = channel();
    let shared = state.clone();
    followed::replace_all(state, move |held| {
        let wrote = |partition: &Partition| {
            partition.has_open_group() || partition.queued() > 0 || partition.dirty_bytes() > 0
        };
        let writable = !shared.config().get(options::REPLICA_READ_ONLY);
        if writable || held.iter().any(|partition| wrote(partition)) || held[0].shared.next_offset() != end {
            let _ = tell.send(Err("something was written here meanwhile".to_string()));
            return;
        }
        put_in_place(&shared, at, held, move |store| {
            let patched = patch.apply(&store.engine)?;
            let (namespaces, counts) = (patched.namespaces, patched.counts);
            Ok(InPlace { namespaces, counts, next_version: patched.next_version, functions: None })
        });
        let _ = tell.send(Ok(()));
    });
    told.recv().map_err(|error| error.to_string())?
}

/// What REFETCH OPEN is answered.
fn opened(parts: &[Answer]) -> Option<Refetch> {
    let [
        Answer::Bulk(Some(moment)),
        Answer::Bulk(Some(id)),
        Answer::Bulk(Some(offset)),
        Answer::Integer(database),
        names @ ..,
    ] = parts
    else {
        return None;
    };
    let mut keys = Vec::with_capacity(names.len() / 2);
    for pair in names.chunks(2) {
        let [Answer::Integer(database), Answer::Bulk(Some(name))] = pair else { return None };
        keys.push(Key { database: usize::try_from(*database).ok()?, name: name.clone() });
    }
    Some(Refetch {
        moment: std::str::from_utf8(moment).ok()?.into(),
        id: ReplicationId::parse(id)?,
        offset: std::str::from_utf8(offset).ok()?.parse().ok()?,
        database: u16::try_from(*database).ok()?,
        keys,
    })
}
