//! A comparison from its beginning to its end: a first look at everything, a second one at what seemed to differ, and a
//! third one at what was repaired.
//!
//! What is found differs at one offset, and is looked at again at another: so a moment that something happened to (a
//! flush of all databases drops files under it) names no key. Where there is no offset for both sides, a key counts as
//! different if it stayed as it was there between two looks, and is another here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pika_core::replication::slave::Settings;
use pika_core::replication::snapshot::Snapshot;
use pika_core::replication::verify::bisect::{Watcher, bisect};
use pika_core::replication::verify::hash::hash_of_functions;
use pika_core::replication::verify::status::NAMED;
use pika_core::replication::verify::{Differing, Key, Span, Status, Target, hash, position};

use super::agree::{Agreed, agree};
use super::{is_stopped, keys, moments, pika, repair};
use crate::service::Service;
use crate::slave::client::{Answer, Client};
use crate::state::{State, lock, now_ms};

/// Keys that are read at a time from a server that is no Pika.
const AT_ONCE: usize = 64;
/// And while the stream stands still: at first, and at least and at most. It is doubled while reading them takes less
/// than [`STILL`], and halved while it takes more.
const IN_TRANSACTION: (usize, usize, usize) = (128, 8, 4096);
/// How long the stream may stand still for keys that are read.
const STILL: Duration = Duration::from_millis(100);
/// How often keys that differ are looked at, without an offset for both sides.
const LOOKS: usize = 6;
/// How long it waits between two such looks.
const BETWEEN: Duration = Duration::from_secs(1);
/// Keys that are looked at again, at most.
const MOST: usize = 100_000;
/// How long one answer of the other server may take.
const PATIENCE_MS: u64 = 600_000;

/// See the module's documentation.
pub(super) struct Course<'a> {
    service: &'a Service,
    client: Client,
    /// It is one, and keeps moments.
    is_pika: bool,
    repair: bool,
}

/// What a key is on both sides.
type Pair = (Option<u128>, Option<u128>);

impl<'a> Course<'a> {
    /// Connects.
    ///
    /// # Errors
    /// For the operator.
    pub(super) fn new(service: &'a Service, target: &Target, repair: bool) -> Result<Course<'a>, String> {
        let Target { host, port, user, password } = target;
        let settings = Settings {
            user: user.clone(),
            password: password.clone(),
            timeout_ms: PATIENCE_MS,
            ..Settings::default()
        };
        let mut client =
            Client::connect(host, *port, &settings).map_err(|error| format!("{host}:{port}: {error}"))?;
        let socket = client.socket().map_err(|error| error.to_string())?;
        *lock(&service.state.replication.verification.socket) = Some(socket);
        let is_pika = match client.call(&[b"VERIFY", b"STATUS"]).map_err(|error| error.to_string())? {
            Answer::Array(_) => true,
            Answer::Error(text) if text.starts_with("ERR unknown command") => false,
            other => return Err(format!("{host}:{port} answers VERIFY STATUS with {other:?}")),
        };
        Ok(Course { service, client, is_pika, repair })
    }

    fn state(&self) -> &'a Arc<State> {
        &self.service.state
    }

    fn check(&self) -> Result<(), String> {
        if is_stopped(self.state()) { Err("it was stopped".into()) } else { Ok(()) }
    }

    fn status(&self, change: impl FnOnce(&mut Status)) {
        change(&mut lock(&self.state().replication.verification.status));
    }

    /// All of it.
    ///
    /// # Errors
    /// For the operator.
    pub(super) fn run(&mut self) -> Result<(), String> {
        let (suspects, agreed) = if self.is_pika { self.by_sums()? } else { self.by_keys()? };
        self.status(|status| status.position = Span::ALL.to);
        if suspects.is_empty() {
            return Ok(());
        }
        let (different, changing) = self.look_again(suspects, agreed)?;
        self.status(|status| {
            status.different = different.len() as u64;
            status.changing = changing;
            status.named = different.iter().take(NAMED).cloned().collect();
        });
        if !self.repair || different.is_empty() {
            return Ok(());
        }
        if !agreed {
            return Err(
                "there is no offset for both sides: it is no slave of that server, and nothing was repaired"
                    .into(),
            );
        }
        let failures = repair::repair(&mut self.client, &different, &mut || self_check(self.service))?;
        let count = different.len();
        let (left, _) = self.look_again(different, true)?;
        self.status(|status| {
            status.repaired = (count - left.len()) as u64;
            status.named.sort_by_key(|key| !left.contains(key));
            status.error = failures.join("; ");
        });
        Ok(())
    }

    /// With a Pika: sums of moments, down to keys. Returns those that differ, and whether the moments are of one offset.
    fn by_sums(&mut self) -> Result<(BTreeSet<Key>, bool), String> {
        let client = &mut self.client;
        let Agreed { told: moment, here, offset } = agree(self.service, || {
            let moment = pika::open(client)?;
            let position = (moment.id, moment.offset);
            Ok((moment, Some(position)))
        })?;
        let same = moment.functions == here.functions();
        self.status(|status| {
            status.offset = offset;
            status.how =
                if offset.is_some() { "sums at one offset" } else { "sums, and no offset in common" };
            status.functions = Some(same);
        });
        let state = self.state();
        let mut suspects = Suspects { state, found: BTreeSet::new(), began: Instant::now() };
        let mut one = pika::Here { state, moment: &here, asked: None };
        let mut other = pika::There { client: &mut self.client, moment: &moment, asked: None };
        let compared = bisect(&mut one, &mut other, &mut suspects);
        drop(here);
        compared?;
        pika::close(&mut self.client, &moment);
        Ok((suspects.found, offset.is_some()))
    }

    /// With any other server: all keys are read.
    fn by_keys(&mut self) -> Result<(BTreeSet<Key>, bool), String> {
        let client = &mut self.client;
        let Agreed { here, offset, .. } = agree(self.service, || keys::read_at_once(client, &[]))?;
        let functions = keys::functions(&mut self.client);
        let functions =
            functions.map(|all| hash_of_functions(all.iter().map(Vec::as_slice)) == here.functions());
        self.status(|status| {
            status.how = match offset {
                Some(_) => "all keys are read; those that seem to differ, again at one offset",
                None => "all keys are read, and there is no offset in common",
            };
            status.offset = offset;
            status.functions = functions;
        });
        let mut suspects = BTreeSet::new();
        let mut outcome = Ok(());
        let mut batch: Vec<(Key, u128, Option<u64>)> = Vec::new();
        let walked = here.walk(Span::ALL, &mut |database, key, expire_ms, hash| {
            batch.push((Key { database, name: key.key.to_vec() }, hash, expire_ms));
            if batch.len() >= AT_ONCE {
                outcome = self.compare(&mut batch, &mut suspects);
                let at = position(key.slot, key.hash);
                self.status(|status| status.position = at);
            }
            outcome.is_ok()
        });
        walked.map_err(|error| error.to_string())?;
        outcome?;
        self.compare(&mut batch, &mut suspects)?;
        self.only_there(&here, &mut suspects)?;
        Ok((suspects, offset.is_some()))
    }

    fn compare(
        &mut self,
        batch: &mut Vec<(Key, u128, Option<u64>)>,
        suspects: &mut BTreeSet<Key>,
    ) -> Result<(), String> {
        self.check()?;
        let names: Vec<Key> = batch.iter().map(|(key, ..)| key.clone()).collect();
        let there = keys::read(&mut self.client, &names)?;
        let now = now_ms();
        for ((key, here, expire_ms), there) in batch.drain(..).zip(there) {
            let gone = there.is_none() && expire_ms.is_some_and(|at_ms| at_ms <= now);
            if there != Some(here) && !gone && suspects.len() < MOST {
                suspects.insert(key);
            }
        }
        let (count, found) = (names.len() as u64, suspects.len() as u64);
        self.status(|status| (status.keys, status.suspects) = (status.keys + count, found));
        Ok(())
    }

    /// Keys that are there, and not here.
    fn only_there(&mut self, here: &Snapshot, suspects: &mut BTreeSet<Key>) -> Result<(), String> {
        for database in 0.. {
            if !keys::select(&mut self.client, database)? {
                return Ok(());
            }
            let mut cursor = b"0".to_vec();
            loop {
                self.check()?;
                let (next, names) = keys::scan(&mut self.client, &cursor)?;
                for name in names {
                    let key = Key { database, name };
                    let found = here.find(&key).map_err(|error| error.to_string())?;
                    if found.is_none() && suspects.len() < MOST {
                        suspects.insert(key);
                    }
                }
                let found = suspects.len() as u64;
                self.status(|status| status.suspects = found);
                cursor = next;
                if cursor == b"0" {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Looks at keys that seem to differ. Returns those that do, and how many changed too often to tell.
    fn look_again(&mut self, suspects: BTreeSet<Key>, agreed: bool) -> Result<(BTreeSet<Key>, u64), String> {
        let count = suspects.len() as u64;
        self.status(|status| status.suspects = status.suspects.max(count));
        let mut left: Vec<Key> = suspects.into_iter().collect();
        let mut different = BTreeSet::new();
        let mut before: BTreeMap<Key, Option<u128>> = BTreeMap::new();
        for look in 0..LOOKS {
            if look > 0 && !left.is_empty() && !agreed {
                let until = Instant::now() + BETWEEN;
                while Instant::now() < until {
                    self.check()?;
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
            let (pairs, exact) = self.look(&left)?;
            let mut still = Vec::new();
            for (key, (here, there)) in left.into_iter().zip(pairs) {
                let stayed = before.insert(key.clone(), there) == Some(there);
                if here == there {
                    continue;
                }
                if exact || stayed {
                    different.insert(key);
                } else {
                    still.push(key);
                }
            }
            left = still;
            if left.is_empty() {
                break;
            }
        }
        Ok((different, left.len() as u64))
    }

    /// What keys are on both sides; and whether that is at one offset.
    fn look(&mut self, wanted: &[Key]) -> Result<(Vec<Pair>, bool), String> {
        self.check()?;
        let mut pairs = Vec::with_capacity(wanted.len());
        let mut exact = true;
        if self.is_pika {
            let client = &mut self.client;
            let Agreed { told: moment, here, offset } = agree(self.service, || {
                let moment = pika::open(client)?;
                let position = (moment.id, moment.offset);
                Ok((moment, Some(position)))
            })?;
            let there = pika::look(&mut self.client, &moment, wanted)?;
            pika::close(&mut self.client, &moment);
            pairs.extend(moments::hashes(&here, wanted)?.into_iter().zip(there));
            return Ok((pairs, offset.is_some()));
        }
        let (mut count, least, most) = IN_TRANSACTION;
        let mut left = wanted;
        while !left.is_empty() {
            self.check()?;
            let (part, rest) = left.split_at(count.min(left.len()));
            left = rest;
            let client = &mut self.client;
            let mut took = Duration::ZERO;
            let Agreed { told: there, here, offset } = agree(self.service, || {
                let began = Instant::now();
                let there = keys::read_at_once(client, part);
                took = began.elapsed();
                there
            })?;
            count = if took < STILL { (count * 2).min(most) } else { (count / 2).max(least) };
            exact &= offset.is_some();
            let now = now_ms();
            for (key, there) in part.iter().zip(there) {
                let found = here.find(key).map_err(|error| error.to_string())?;
                // The other server does not show what is due, and tells of its removal later.
                let found = found
                    .filter(|(_, expire_ms)| there.is_some() || expire_ms.is_none_or(|at_ms| at_ms > now));
                let here = found.map(|(value, expire_ms)| hash(key.database, &key.name, expire_ms, &value));
                pairs.push((here, there));
            }
        }
        Ok((pairs, exact))
    }
}

fn self_check(service: &Service) -> Result<(), String> {
    if is_stopped(&service.state) { Err("it was stopped".into()) } else { Ok(()) }
}

/// Gathers what differs in the first look.
struct Suspects<'a> {
    state: &'a Arc<State>,
    found: BTreeSet<Key>,
    began: Instant,
}

impl Watcher for Suspects<'_> {
    fn now_ms(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    fn compared(&mut self, to: u64, keys: u64) -> Result<(), String> {
        let mut status = lock(&self.state.replication.verification.status);
        status.position = to;
        status.keys += keys;
        drop(status);
        if is_stopped(self.state) { Err("it was stopped".into()) } else { Ok(()) }
    }

    fn differs(&mut self, key: Differing) -> Result<(), String> {
        if self.found.len() < MOST {
            self.found.insert(key.key);
        }
        let count = self.found.len() as u64;
        lock(&self.state.replication.verification.status).suspects = count;
        Ok(())
    }
}
