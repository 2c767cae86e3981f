//! One server: its disk, its log, its data; as a master (what links do in the daemon), and as a slave (what the link's
//! task does).

use std::collections::BTreeMap;

use bytes::Bytes;

use super::super::handshake::{Announced, Request};
use super::super::history::History;
use super::super::master::{Action as MasterAction, Limits, Log, Master, Start};
use super::super::refetch::Touched;
use super::super::slave::{Action, Event, Position, Settings, Slave, Stage};
use super::super::stream::Cutter;
use super::network::Network;
use super::refetch::{self, Answer};
use super::{Broken, Others};
use crate::keyspace::transaction::write_command;
use crate::replication::ReplicationId;
use crate::resp::{Batch, Parser};

/// What a server has.
pub(super) type Data = BTreeMap<String, String>;

/// A data set that is kept for slaves.
#[derive(Debug, Clone)]
pub(super) struct Checkpoint {
    name: String,
    data: Data,
    /// Where the log goes on behind it.
    of: Position,
}

/// What is at the other end of a connection that came in.
#[derive(Debug, Default)]
struct Incoming {
    input: Vec<u8>,
    announced: Announced,
    /// Where the stream goes on; `None` before it has begun.
    streams: Option<u64>,
    is_slave: bool,
}

/// A data set that is loaded.
#[derive(Debug)]
struct Loading {
    at_ms: u64,
    of: Position,
    what: What,
    spool: Vec<u8>,
}

/// Where a data set comes from.
#[derive(Debug)]
enum What {
    /// It is here.
    Whole(Data),
    /// The master's checkpoint of this name.
    Files(String),
    /// The keys that differ, of which this server wrote these.
    Differing(Touched),
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) index: usize,
    pub(super) up: bool,
    /// Whom it follows.
    pub(super) master_of: Option<usize>,
    pub(super) history: History,
    pub(super) data: Data,
    pub(super) master: Master,
    pub(super) checkpoint: Option<Checkpoint>,
    pub(super) full_until_ms: u64,
    pub(super) fetched: u64,
    pub(super) refetched: u64,
    pub(super) writes: u64,
    /// A stream that was cut at the wrong byte, at some time.
    pub(super) failure: Option<String>,
    broken: Broken,
    /// What the store has, at which offset.
    base: (Data, u64),
    /// The log from `first` on.
    log: Vec<u8>,
    first: u64,
    synced: u64,
    incoming: BTreeMap<u64, Incoming>,
    machine: Option<Slave>,
    link: Option<u64>,
    cutter: Cutter,
    transfer: Vec<u8>,
    loading: Option<Loading>,
    /// What differs cannot be told: everything is asked for.
    no_refetch: bool,
    ended_cleanly: Option<u64>,
    fresh: ReplicationId,
}

fn run(data: &mut Data, words: &[&[u8]]) {
    let text = |word: &[u8]| String::from_utf8_lossy(word).into_owned();
    match words {
        [b"SET", key, value] => {
            data.insert(text(key), text(value));
        }
        [b"APPEND", key, value] => data.entry(text(key)).or_default().push_str(&text(value)),
        [b"DEL", key] => {
            data.remove(&text(key));
        }
        [b"RENAME", from, to] => {
            if let Some(value) = data.remove(&text(from)) {
                data.insert(text(to), value);
            }
        }
        [b"COPY", from, to, b"REPLACE"] => {
            if let Some(value) = data.get(&text(from)).cloned() {
                data.insert(text(to), value);
            }
        }
        [b"FLUSHALL"] => data.clear(),
        _ => {}
    }
}

/// Runs commands, as far as they are whole. Returns how many bytes those have.
fn run_all(data: &mut Data, bytes: &[u8]) -> usize {
    let mut batch = Batch::default();
    let consumed = Parser::default().parse(bytes, &Default::default(), usize::MAX, &mut batch).unwrap_or(0);
    for command in &batch.commands {
        let ranges = &batch.ranges[command.first as usize..][..command.count as usize];
        let words: Vec<&[u8]> = ranges.iter().map(|&(from, to)| &bytes[from as usize..to as usize]).collect();
        run(data, &words);
    }
    consumed
}

fn command(words: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    write_command(&mut out, words.iter().copied());
    out
}

impl Node {
    pub(super) fn new(index: usize, id: ReplicationId, broken: Broken) -> Node {
        Node {
            index,
            up: true,
            master_of: None,
            history: History::new(id),
            data: Data::new(),
            master: Master::default(),
            checkpoint: None,
            full_until_ms: 0,
            fetched: 0,
            refetched: 0,
            no_refetch: false,
            writes: 0,
            failure: None,
            broken,
            base: (Data::new(), 0),
            log: Vec::new(),
            first: 0,
            synced: 0,
            incoming: BTreeMap::new(),
            machine: None,
            link: None,
            cutter: Cutter::new(1, 16, 0),
            transfer: Vec::new(),
            loading: None,
            ended_cleanly: None,
            fresh: id,
        }
    }

    /// The position behind which it wrote for itself, if it fetches again what differs, and that is to end now.
    pub(super) fn refetches(&self, now_ms: u64) -> Option<Position> {
        let loading = self.loading.as_ref().filter(|loading| now_ms >= loading.at_ms)?;
        matches!(loading.what, What::Differing(_)).then_some(loading.of)
    }

    /// What its log behind an offset can have written; `None` if it cannot be told.
    pub(super) fn touched_since(&self, offset: u64) -> Option<Touched> {
        let mut touched = Touched::default();
        let from = offset.checked_sub(self.first)?;
        touched.add_record(0, self.log.get(from as usize..)?).ok()?;
        Some(touched)
    }

    /// The end of its log.
    pub(super) fn end(&self) -> u64 {
        self.first + self.log.len() as u64
    }

    pub(super) fn stage(&self) -> Option<Stage> {
        self.machine.as_ref().map(Slave::stage)
    }

    pub(super) fn last_error(&self) -> &str {
        self.machine.as_ref().map_or("", |machine| &machine.last_error)
    }

    /// As REPLICAOF NO ONE decides.
    pub(super) fn may_be_promoted(&self) -> bool {
        self.up && self.stage().is_some_and(|stage| stage != Stage::Sync)
    }

    /// Whether the logs agree as far as both have them.
    pub(super) fn same_log(&self, other: &Node) -> bool {
        let from = self.first.max(other.first);
        let tail = |node: &Node| node.log.get((from - node.first) as usize..).unwrap_or_default().to_vec();
        tail(self) == tail(other)
    }

    fn append(&mut self, bytes: &[u8]) {
        self.log.extend_from_slice(bytes);
    }

    /// A client's write.
    pub(super) fn write(&mut self, random: &mut fastrand::Rng) {
        if self.master_of.is_some() {
            return;
        }
        self.writes += 1;
        let (key, value) = (format!("k{}", random.u8(..12)), format!("{}.", random.u16(..)));
        let (key, value) = (key.as_bytes(), value.as_bytes());
        let other = format!("k{}", random.u8(..12));
        let other = other.as_bytes();
        let words: &[&[u8]] = match random.u16(..600) {
            0..=80 => &[b"SET", key, value],
            81..=160 => &[b"DEL", key],
            // What is somewhere else then.
            161..=220 if other != key => &[b"RENAME", key, other],
            221..=280 if other != key => &[b"COPY", key, other, b"REPLACE"],
            281 => &[b"FLUSHALL"],
            // What depends on all that was before tells of everything that is missing, or comes twice.
            _ => &[b"APPEND", key, value],
        };
        run(&mut self.data, words);
        self.append(&command(words));
    }

    /// All is on disk.
    pub(super) fn flush(&mut self) {
        if self.up {
            self.synced = self.end();
            self.base = (self.data.clone(), self.end());
        }
    }

    /// The log lets go of what the store has.
    pub(super) fn cut_log(&mut self) {
        if !self.up {
            return;
        }
        let until = self.base.1;
        self.log.drain(..(until - self.first) as usize);
        self.first = until;
        if self.checkpoint.as_ref().is_some_and(|checkpoint| checkpoint.of.offset < self.first) {
            self.checkpoint = None;
        }
    }

    /// The process ends; what was not synced is lost, or, if `lost` is false, was written all the same.
    pub(super) fn crash(&mut self, lost: bool, fresh: ReplicationId, keeps_name: bool) {
        self.up = false;
        if lost {
            self.log.truncate((self.synced - self.first) as usize);
        }
        self.synced = self.end();
        let (mut data, offset) = self.base.clone();
        run_all(&mut data, &self.log[(offset - self.first) as usize..]);
        self.data = data;
        self.forget_slaves();
        self.incoming.clear();
        (self.machine, self.link, self.loading) = (None, None, None);
        self.ended_cleanly = keeps_name.then(|| self.end());
        self.fresh = fresh;
    }

    fn forget_slaves(&mut self) {
        let counters = self.master.counters;
        self.master = Master::default();
        self.master.counters = counters;
    }

    /// It starts again. A slave is one by its configuration.
    pub(super) fn start(&mut self, now_ms: u64) {
        self.up = true;
        let end = self.end();
        if let Some(end) = self.ended_cleanly.take() {
            self.history.stop(end);
        }
        self.history.start(end, self.master_of.is_some(), self.fresh);
        self.machine = self.master_of.map(|_| Slave::new(now_ms));
    }

    /// REPLICAOF.
    pub(super) fn follow(&mut self, master: Option<usize>, now_ms: u64) {
        self.master_of = master;
        (self.link, self.loading) = (None, None);
        self.machine = master.map(|_| Slave::new(now_ms));
        self.checkpoint = None;
        if !self.incoming.is_empty() {
            self.incoming.clear();
            self.forget_slaves();
        }
    }

    /// REPLICAOF NO ONE.
    pub(super) fn promote(&mut self, fresh: ReplicationId) {
        self.follow(None, 0);
        self.synced = self.end();
        self.history.shift(fresh, self.end());
    }

    /// A connection is gone.
    pub(super) fn lost(
        &mut self,
        connection: u64,
        network: &mut Network,
        now_ms: u64,
        random: &mut fastrand::Rng,
    ) {
        if self.incoming.remove(&connection).is_some() {
            self.master.detach(connection);
        }
        if self.link == Some(connection) {
            self.link = None;
            self.tell(Event::Broken("the connection is lost"), network, now_ms, random);
        }
    }

    /// Bytes came.
    pub(super) fn receive(
        &mut self,
        connection: u64,
        bytes: &[u8],
        network: &mut Network,
        now_ms: u64,
        random: &mut fastrand::Rng,
    ) {
        if !self.up {
            return;
        }
        if self.link == Some(connection) {
            return self.tell(Event::Received(bytes), network, now_ms, random);
        }
        let mut incoming = self.incoming.remove(&connection).unwrap_or_default();
        incoming.input.extend_from_slice(bytes);
        let mut batch = Batch::default();
        let input = std::mem::take(&mut incoming.input);
        let used = Parser::default().parse(&input, &Default::default(), usize::MAX, &mut batch).unwrap_or(0);
        incoming.input = input[used..].to_vec();
        for command in &batch.commands {
            let ranges = &batch.ranges[command.first as usize..][..command.count as usize];
            let words: Vec<&[u8]> =
                ranges.iter().map(|&(from, to)| &input[from as usize..to as usize]).collect();
            let answer = self.answer(connection, &mut incoming, &words, now_ms, random);
            network.send(connection, self.index, &answer, now_ms, random);
        }
        self.incoming.insert(connection, incoming);
    }

    fn answer(
        &mut self,
        connection: u64,
        incoming: &mut Incoming,
        words: &[&[u8]],
        now_ms: u64,
        random: &mut fastrand::Rng,
    ) -> Vec<u8> {
        match words {
            [b"PING"] => b"+PONG\r\n".to_vec(),
            [b"REPLCONF", b"ACK", offset] => {
                let offset = String::from_utf8_lossy(offset).parse().unwrap_or(0);
                self.master.acknowledge(connection, offset, None, now_ms);
                Vec::new()
            }
            [b"REPLCONF", rest @ ..] => {
                let capabilities =
                    rest.chunks(2).filter(|pair| pair[0] == b"capa").filter_map(|pair| pair.get(1));
                capabilities.for_each(|name| incoming.announced.add_capability(name));
                b"+OK\r\n".to_vec()
            }
            [b"PSYNC", ..] if self.master_of.is_some() => b"-NOMASTERLINK a slave\r\n".to_vec(),
            [b"PSYNC", id, offset] => {
                let request = Request::parse(id, offset).expect("a number");
                self.begin(connection, incoming, &request, now_ms, random)
            }
            _ => Vec::new(),
        }
    }

    fn begin(
        &mut self,
        connection: u64,
        incoming: &mut Incoming,
        request: &Request,
        now_ms: u64,
        random: &mut fastrand::Rng,
    ) -> Vec<u8> {
        let log = Log { history: &self.history, first: self.first, end: self.end() };
        let announced = incoming.announced.clone();
        let mut start = self.master.attach(connection, "peer", announced, request, log, now_ms);
        incoming.is_slave = true;
        if let (Broken::Fork, Start::Full { .. } | Start::Refetch { .. }, Request::Continue { offset, .. }) =
            (self.broken, &start, request)
            && (self.first..=self.end()).contains(offset)
        {
            start = Start::Partial { from: *offset, id: self.history.id() };
        }
        match start {
            Start::Partial { from, id } => {
                incoming.streams = Some(from);
                format!("+CONTINUE {id}\r\n").into_bytes()
            }
            Start::Refetch { common } => format!("+DIVERGED {} {common}\r\n", self.history.id()).into_bytes(),
            Start::Full { .. } if incoming.announced.files && random.u8(..3) > 0 => {
                let of = Position { id: self.history.id(), offset: self.end() };
                let kept = self.checkpoint.get_or_insert_with(|| {
                    let name = format!("{}-{}", self.index, now_ms);
                    Checkpoint { name, data: self.data.clone(), of }
                });
                let accepts = self.history.accepts(&kept.of.id, kept.of.offset, of.offset).is_ok();
                if !accepts || kept.of.offset < self.first {
                    *kept =
                        Checkpoint { name: format!("{}-{now_ms}", self.index), data: self.data.clone(), of };
                }
                if self.broken == Broken::Checkpoint {
                    kept.of = of;
                }
                self.master.sending(connection, kept.of.offset, now_ms);
                format!("+CHECKPOINT {} {} {}\r\n", of.id, kept.of.offset, kept.name).into_bytes()
            }
            Start::Full { .. } => {
                let mut file = Vec::new();
                for (key, value) in &self.data {
                    file.extend(command(&[b"SET", key.as_bytes(), value.as_bytes()]));
                }
                let (id, end) = (self.history.id(), self.end());
                self.master.sending(connection, end, now_ms);
                self.master.sent_snapshot(connection, false, now_ms);
                incoming.streams = Some(end);
                let head = format!("+FULLRESYNC {id} {end}\r\n${}\r\n", file.len());
                [head.into_bytes(), file].concat()
            }
        }
    }

    /// Time has passed: streams go on, loads end, the machine looks at the clock.
    pub(super) fn clock(
        &mut self,
        network: &mut Network,
        others: &Others,
        limits: &Limits,
        now_ms: u64,
        random: &mut fastrand::Rng,
    ) {
        let end = self.end();
        for action in self.master.tick(limits, end, now_ms) {
            match action {
                MasterAction::Close { id, .. } => network.close(id),
                MasterAction::Ping if self.master_of.is_none() => self.append(&command(&[b"PING"])),
                _ => {}
            }
        }
        for (&connection, incoming) in &mut self.incoming {
            match incoming.streams {
                Some(from) if from < self.first => network.close(connection),
                Some(from) => {
                    let bytes = &self.log[(from - self.first) as usize..];
                    let bytes = &bytes[..random.usize(..=bytes.len())];
                    network.send(connection, self.index, bytes, now_ms, random);
                    let sent = from + bytes.len() as u64;
                    incoming.streams = Some(sent);
                    self.master.progress(connection, Some(sent), end, now_ms);
                }
                None if incoming.is_slave => {
                    network.send(connection, self.index, b"\n", now_ms, random);
                    self.master.progress(connection, None, 0, now_ms);
                }
                None => {}
            }
        }
        if self.loading.as_ref().is_some_and(|loading| now_ms >= loading.at_ms) {
            self.loaded(others, network, now_ms, random);
        }
        if self.machine.is_some() {
            self.tell(Event::Clock, network, now_ms, random);
        }
    }

    fn loaded(&mut self, others: &Others, network: &mut Network, now_ms: u64, random: &mut fastrand::Rng) {
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

    fn tell(&mut self, event: Event<'_>, network: &mut Network, now_ms: u64, random: &mut fastrand::Rng) {
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
