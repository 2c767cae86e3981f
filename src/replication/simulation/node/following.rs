//! A server as a slave: what its state machine asks for, and the data sets that it loads.

use bytes::Bytes;

use super::super::network::Network;
use super::super::refetch::{self, Answer};
use super::super::{Broken, Others};
use super::Node;
use super::data::{Data, run_all};
use crate::replication::refetch::Touched;
use crate::replication::slave::{Action, Event, Position, Settings, Slave, Stage};
use crate::replication::stream::Cutter;

/// A data set that is loaded.
#[derive(Debug)]
pub(super) struct Loading {
    pub(super) at_ms: u64,
    of: Position,
    what: What,
    spool: Vec<u8>,
}

/// Where a data set comes from.
#[derive(Debug)]
pub(super) enum What {
    /// It is here.
    Whole(Data),
    /// The master's checkpoint of this name.
    Files(String),
    /// The keys that differ, of which this server wrote these.
    Differing(Touched),
}

impl Node {
    /// The position behind which it wrote for itself, if it fetches again what differs, and that is to end now.
    pub(in super::super) fn refetches(&self, now_ms: u64) -> Option<Position> {
        let loading = self.loading.as_ref().filter(|loading| now_ms >= loading.at_ms)?;
        matches!(loading.what, What::Differing(_)).then_some(loading.of)
    }

    pub(in super::super) fn stage(&self) -> Option<Stage> {
        self.machine.as_ref().map(Slave::stage)
    }

    pub(in super::super) fn last_error(&self) -> &str {
        self.machine.as_ref().map_or("", |machine| &machine.last_error)
    }

    pub(super) fn loaded(
        &mut self,
        others: &Others,
        network: &mut Network,
        now_ms: u64,
        random: &mut fastrand::Rng,
    ) {
        let (Some(Loading { mut of, what, spool, .. }), Some(master)) = (self.loading.take(), self.master_of)
        else {
            return;
        };
        let result = match what {
            What::Whole(data) => Ok(data),
            What::Files(name) => {
                let found = others.checkpoints[master].as_ref();
                let found = found.filter(|checkpoint| others.up[master] && checkpoint.name == name);
                self.fetched += u64::from(found.is_some());
                found.map(|checkpoint| checkpoint.data.clone()).ok_or("the checkpoint is gone")
            }
            What::Differing(lost) => match &others.answer {
                Answer::At(at, since, values) if now_ms >= self.full_until_ms => {
                    self.refetched += 1;
                    of = *at;
                    Ok(refetch::patched(&self.data, &lost, since, values, self.broken))
                }
                Answer::At(..) => Err("the disk is full"),
                Answer::Gone => Err("the master is gone"),
                Answer::Unbounded => {
                    self.no_refetch = true;
                    Err("what the master wrote cannot be told")
                }
            },
        };
        let data = match result {
            Ok(data) if now_ms >= self.full_until_ms => data,
            Ok(_) => return self.tell(Event::Loaded(Err("the disk is full")), network, now_ms, random),
            Err(why) => return self.tell(Event::Loaded(Err(why)), network, now_ms, random),
        };
        self.no_refetch = false;
        self.history.adopt(of.id);
        (self.log, self.first, self.synced) = (Vec::new(), of.offset, of.offset);
        self.base = (data.clone(), of.offset);
        self.data = data;
        self.cutter = Cutter::new(1, 16, 0);
        self.tell(Event::Applied(of.offset), network, now_ms, random);
        self.tell(Event::Loaded(Ok(())), network, now_ms, random);
        if self.broken != Broken::Spool && !spool.is_empty() {
            self.act(vec![Action::Stream(Bytes::from(spool))], network, now_ms, random);
        }
    }

    pub(super) fn tell(
        &mut self,
        event: Event<'_>,
        network: &mut Network,
        now_ms: u64,
        random: &mut fastrand::Rng,
    ) {
        let Some(machine) = &mut self.machine else { return };
        let actions = machine.handle(event, now_ms);
        self.act(actions, network, now_ms, random);
    }

    fn act(&mut self, actions: Vec<Action>, network: &mut Network, now_ms: u64, random: &mut fastrand::Rng) {
        for action in actions {
            match action {
                Action::Connect => {
                    let Some(master) = self.master_of else { return };
                    self.link = Some(network.connect(self.index, master));
                    let (refetch, earlier) = (!self.no_refetch, self.history.earlier().to_vec());
                    let settings =
                        Settings { timeout_ms: 5000, files: true, refetch, earlier, ..Settings::default() };
                    let mut position = Position { id: self.history.id(), offset: self.end() };
                    position.offset += u64::from(self.broken == Broken::Position && position.offset > 0);
                    self.tell(Event::Connected(settings, Some(position)), network, now_ms, random);
                }
                Action::Send(bytes) => {
                    if let Some(link) = self.link {
                        network.send(link, self.index, &bytes, now_ms, random);
                    }
                }
                Action::Disconnect(_) => {
                    if let Some(link) = self.link.take() {
                        network.close(link);
                    }
                    self.loading = None;
                    self.transfer.clear();
                }
                Action::BeginTransfer(..) => self.transfer.clear(),
                Action::Store(_) if now_ms < self.full_until_ms => {
                    return self.tell(Event::Broken("the disk is full"), network, now_ms, random);
                }
                Action::Store(bytes) => self.transfer.extend_from_slice(&bytes),
                Action::Load(of) => {
                    let mut data = Data::new();
                    run_all(&mut data, &self.transfer);
                    self.load(of, What::Whole(data), now_ms, random);
                }
                Action::Fetch { of, name, .. } => self.load(of, What::Files(name), now_ms, random),
                Action::Refetch(of) => match self.touched_since(of.offset) {
                    Some(lost) => self.load(of, What::Differing(lost), now_ms, random),
                    None => {
                        self.no_refetch = true;
                        let why = "what this server wrote cannot be told";
                        self.tell(Event::Loaded(Err(why)), network, now_ms, random);
                    }
                },
                Action::Continue(id) => {
                    self.synced = self.end();
                    if let Some(id) = id {
                        self.history.follow(id, self.end());
                    }
                    self.cutter = Cutter::new(1, 16, 0);
                }
                Action::Spool(bytes) => {
                    if let Some(loading) = &mut self.loading {
                        loading.spool.extend_from_slice(&bytes);
                    }
                }
                Action::Stream(bytes) => {
                    self.cutter.push(&bytes);
                    while let Some(cut) = self.cutter.cut().unwrap_or_else(|error| {
                        self.failure.get_or_insert(error.to_string());
                        None
                    }) {
                        run_all(&mut self.data, &cut.frame);
                        self.append(&cut.frame);
                        let end = self.end();
                        self.tell(Event::Applied(end), network, now_ms, random);
                    }
                }
                Action::Tell(_) | Action::HandedOver(_) => {}
            }
        }
    }

    fn load(&mut self, of: Position, what: What, now_ms: u64, random: &mut fastrand::Rng) {
        let at_ms = now_ms + random.u64(..2000);
        self.loading = Some(Loading { at_ms, of, what, spool: Vec::new() });
    }
}
