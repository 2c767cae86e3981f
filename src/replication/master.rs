//! The master's side: which slaves there are, what each is at, and what follows from an event.
//!
//! Pure: events come in with their time, [`Action`]s go out, and the shell does them. A slave is known by the id of its
//! client. It goes through these stages, and back to none when its connection ends:
//!
//! ```text
//! REPLCONF … ── PSYNC, SYNC ──┬─ partial ────────────────────────────────► Online
//!                             └─ full ─► Waiting ─► Sending ─► Loading ──► Online
//! ```
//!
//! *Waiting*: for a snapshot, which all share that wait by then. *Sending*: the file is under way. *Loading*: a file
//! without a length was sent; the slave's first acknowledgement says that it has read it, and not taken the stream for
//! a part of it. *Online*: it gets the stream.

use std::collections::BTreeMap;

use super::handshake::{Announced, Request};
use super::{Earlier, History, ReplicationId};

/// A slave as its master sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    /// The address that its connection comes from, without the port.
    pub peer: String,
    /// What it said of itself before it asked for anything.
    pub announced: Announced,
    /// Where it is.
    pub stage: Stage,
    /// The last offset that it acknowledged to have run.
    pub acknowledged: u64,
    /// The last offset that it acknowledged to have on its disk; 0 if it never said.
    pub durable: u64,
    /// When it was last heard of, or something could be sent to it; ms since 1970.
    pub heard_ms: u64,
    /// When it last acknowledged anything; 0: not yet. ms since 1970.
    pub acknowledged_ms: u64,
    /// Up to where the stream was sent to it.
    pub sent: u64,
    /// It has been sent everything there was, at some moment since it is online: from then on it must not fall behind
    /// by more than its output limit.
    pub caught_up: bool,
    /// Since when it is more than the soft limit behind; ms since 1970.
    behind_since_ms: Option<u64>,
}

/// See the module's documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It waits for a snapshot.
    Waiting,
    /// It is sent a snapshot.
    Sending,
    /// It has been sent all of it, and loads it.
    Loading,
    /// It asked for the snapshot only, and has it.
    Served,
    /// It gets the stream.
    Online,
}

impl Stage {
    /// As INFO calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Stage::Waiting => "wait_bgsave",
            Stage::Sending | Stage::Loading => "send_bulk",
            Stage::Served => "rdb_transmitted",
            Stage::Online => "online",
        }
    }
}

/// What there is to go on from, as it is now.
#[derive(Debug, Clone, Copy)]
pub struct Log<'a> {
    /// Which history.
    pub history: &'a History,
    /// The first offset that the log has.
    pub first: u64,
    /// The offset up to which it is committed.
    pub end: u64,
}

/// What a slave that asked for something gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// The stream, from this offset on, under this name.
    Partial {
        /// The first byte that it gets is behind this offset.
        from: u64,
        /// The present history's name.
        id: ReplicationId,
    },
    /// It has more than this history: it fetches again what differs.
    Refetch {
        /// The last offset at which its data was that of this history.
        common: u64,
    },
    /// A snapshot, for this reason.
    Full {
        /// For the operator.
        reason: String,
        /// The offset up to which its history is this one, if it has more of it than that.
        common: Option<u64>,
    },
}

/// What the shell is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Close the connection of this slave.
    Close {
        /// Which.
        id: u64,
        /// For the operator.
        reason: String,
    },
    /// Append PING to the log.
    Ping,
    /// Answer a WAIT or WAITAOF.
    Answer {
        /// Which one.
        ticket: u64,
        /// How many slaves (have it in memory, for WAIT; on disk, for WAITAOF).
        replicas: i64,
        /// For WAITAOF: whether this server has it on disk.
        local: bool,
    },
}

/// The options that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// `repl-timeout`, ms.
    pub timeout_ms: u64,
    /// `repl-ping-replica-period`, ms.
    pub ping_ms: u64,
    /// `client-output-buffer-limit replica`: hard and soft limit in bytes (0: none), and for how long it may be above
    /// the soft one, ms.
    pub output: (u64, u64, u64),
    /// `min-replicas-to-write`.
    pub min_replicas: u32,
    /// `min-replicas-max-lag`, seconds; 0: whatever their lag.
    pub max_lag_s: u64,
}

/// A client that waits for acknowledgements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// The offset that must be acknowledged.
    pub offset: u64,
    /// By so many slaves.
    pub replicas: i64,
    /// Only what is on disk counts (WAITAOF).
    pub durable: bool,
    /// This server must have it on disk too.
    pub local: bool,
    /// Until when, ms since 1970; `None`: for ever.
    pub deadline_ms: Option<u64>,
}

/// Counters, for INFO.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Full synchronisations begun.
    pub full: u64,
    /// Partial ones.
    pub partial: u64,
    /// Partial ones that were asked for and could not be.
    pub refused: u64,
    /// Slaves that were told to fetch again only what differs.
    pub refetches: u64,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct Master {
    replicas: BTreeMap<u64, Replica>,
    waits: BTreeMap<u64, Wait>,
    next_ticket: u64,
    pinged_ms: u64,
    /// Counters.
    pub counters: Counters,
}

impl Master {
    /// The slaves, by the id of their client.
    pub fn replicas(&self) -> impl Iterator<Item = (u64, &Replica)> {
        self.replicas.iter().map(|(id, replica)| (*id, replica))
    }

    /// One of them.
    pub fn replica(&self, id: u64) -> Option<&Replica> {
        self.replicas.get(&id)
    }

    /// How many there are, at whatever stage.
    pub fn count(&self) -> usize {
        self.replicas.len()
    }

    /// A client asked to become a slave.
    pub fn attach(
        &mut self,
        id: u64,
        peer: &str,
        announced: Announced,
        request: &Request,
        log: Log<'_>,
        now_ms: u64,
    ) -> Start {
        let start = choose(request, &announced, log);
        let (stage, sent) = match &start {
            Start::Partial { from, .. } => {
                self.counters.partial += 1;
                (Stage::Online, *from)
            }
            Start::Refetch { common } => {
                self.counters.refused += 1;
                self.counters.refetches += 1;
                // From there on the log is kept, as long as it is here.
                (Stage::Sending, *common)
            }
            Start::Full { .. } => {
                // As in Redis, who asks for no offset is not refused one.
                self.counters.refused += u64::from(matches!(request, Request::Continue { .. }));
                self.counters.full += 1;
                (Stage::Waiting, log.end)
            }
        };
        let replica = Replica {
            peer: peer.to_string(),
            announced,
            stage,
            acknowledged: 0,
            durable: 0,
            heard_ms: now_ms,
            acknowledged_ms: if stage == Stage::Online { now_ms } else { 0 },
            sent,
            caught_up: false,
            behind_since_ms: None,
        };
        self.replicas.insert(id, replica);
        start
    }

    /// A connection has ended. Returns whether it was a slave's.
    pub fn detach(&mut self, id: u64) -> bool {
        self.replicas.remove(&id).is_some()
    }

    /// A snapshot at `offset` begins to be sent to a slave.
    pub fn sending(&mut self, id: u64, offset: u64, now_ms: u64) {
        if let Some(replica) = self.replicas.get_mut(&id) {
            (replica.stage, replica.sent, replica.heard_ms) = (Stage::Sending, offset, now_ms);
        }
    }

    /// All of the snapshot was sent. Returns what the slave is at now; `None` if it is gone.
    pub fn sent_snapshot(&mut self, id: u64, by_mark: bool, now_ms: u64) -> Option<Stage> {
        let replica = self.replicas.get_mut(&id)?;
        replica.heard_ms = now_ms;
        replica.stage = match (replica.announced.only_snapshot, by_mark) {
            (true, _) => Stage::Served,
            (false, true) => Stage::Loading,
            (false, false) => {
                replica.acknowledged_ms = now_ms;
                Stage::Online
            }
        };
        Some(replica.stage)
    }

    /// Something was sent to a slave: of the stream, up to `sent`, if it is online; of a snapshot, else.
    pub fn progress(&mut self, id: u64, sent: Option<u64>, end: u64, now_ms: u64) {
        if let Some(replica) = self.replicas.get_mut(&id) {
            match sent {
                Some(sent) => {
                    replica.sent = sent;
                    replica.caught_up |= sent >= end;
                }
                None => replica.heard_ms = now_ms,
            }
        }
    }

    /// REPLCONF ACK. Offsets that go back are an old message, or none of ours. Returns whether the slave became online
    /// by it.
    pub fn acknowledge(&mut self, id: u64, offset: u64, durable: Option<u64>, now_ms: u64) -> bool {
        let Some(replica) = self.replicas.get_mut(&id) else { return false };
        replica.acknowledged = replica.acknowledged.max(offset);
        replica.durable = replica.durable.max(durable.unwrap_or(0));
        (replica.heard_ms, replica.acknowledged_ms) = (now_ms, now_ms);
        let online = replica.stage == Stage::Loading;
        if online {
            replica.stage = Stage::Online;
        }
        online
    }

    /// How many online slaves have acknowledged `offset`.
    pub fn acknowledged(&self, offset: u64, durable: bool) -> i64 {
        let counts = |replica: &&Replica| {
            let acknowledged = if durable { replica.durable } else { replica.acknowledged };
            replica.stage == Stage::Online && acknowledged >= offset && replica.acknowledged_ms > 0
        };
        self.replicas.values().filter(counts).count() as i64
    }

    /// How many slaves are online and in time.
    pub fn good(&self, limits: &Limits, now_ms: u64) -> u32 {
        let in_time =
            |replica: &&Replica| replica.stage == Stage::Online && replica.lag_s(now_ms) <= limits.max_lag_s;
        u32::try_from(self.replicas.values().filter(in_time).count()).unwrap_or(u32::MAX)
    }

    /// Whether writes are to be refused: `min-replicas-to-write` and `min-replicas-max-lag` are both set, and too few
    /// slaves are good.
    pub fn refuses_writes(&self, limits: &Limits, now_ms: u64) -> bool {
        limits.min_replicas > 0 && limits.max_lag_s > 0 && self.good(limits, now_ms) < limits.min_replicas
    }

    /// A client waits. Returns the number of its wait.
    pub fn wait(&mut self, wait: Wait) -> u64 {
        self.next_ticket += 1;
        self.waits.insert(self.next_ticket, wait);
        self.next_ticket
    }

    /// A client does not wait any more.
    pub fn forget_wait(&mut self, ticket: u64) {
        self.waits.remove(&ticket);
    }

    /// A client's wait, which ends.
    pub fn take_wait(&mut self, ticket: u64) -> Option<Wait> {
        self.waits.remove(&ticket)
    }

    /// Whether any client waits.
    pub fn has_waits(&self) -> bool {
        !self.waits.is_empty()
    }

    /// Answers the waits that are met, or whose time is over. `synced`: up to where this server has the log on disk.
    pub fn answer(&mut self, synced: u64, now_ms: u64) -> Vec<Action> {
        let mut answers = Vec::new();
        for (&ticket, wait) in &self.waits {
            let replicas = self.acknowledged(wait.offset, wait.durable);
            let local = synced >= wait.offset;
            let met = replicas >= wait.replicas && (local || !wait.local);
            if met || wait.deadline_ms.is_some_and(|deadline| now_ms >= deadline) {
                answers.push(Action::Answer { ticket, replicas, local });
            }
        }
        for answer in &answers {
            if let Action::Answer { ticket, .. } = answer {
                self.waits.remove(ticket);
            }
        }
        answers
    }

    /// Time has passed: once a second. `end` is the end of the log.
    pub fn tick(&mut self, limits: &Limits, end: u64, now_ms: u64) -> Vec<Action> {
        let mut actions = Vec::new();
        for (&id, replica) in &mut self.replicas {
            if let Some(reason) = replica.fault(limits, end, now_ms) {
                actions.push(Action::Close { id, reason });
            }
        }
        if !self.replicas.is_empty() && now_ms.saturating_sub(self.pinged_ms) >= limits.ping_ms {
            self.pinged_ms = now_ms;
            actions.push(Action::Ping);
        }
        actions
    }

    /// The offset from which on the log is needed, for each slave, with a name for INFO.
    pub fn pins(&self) -> Vec<(String, u64)> {
        let pin = |replica: &Replica| (format!("replica {}", replica.address()), replica.sent);
        self.replicas.values().filter(|replica| replica.stage != Stage::Served).map(pin).collect()
    }
}

impl Replica {
    /// Seconds since it last acknowledged anything.
    pub fn lag_s(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.acknowledged_ms) / 1000
    }

    /// The address that clients can reach it at: the one that it announced, else the one it comes from.
    pub fn ip(&self) -> &str {
        if self.announced.ip.is_empty() { &self.peer } else { &self.announced.ip }
    }

    /// That, and its port.
    pub fn address(&self) -> String {
        format!("{}:{}", self.ip(), self.announced.port)
    }

    fn fault(&mut self, limits: &Limits, end: u64, now_ms: u64) -> Option<String> {
        let silent_ms = now_ms.saturating_sub(self.heard_ms);
        match self.stage {
            // It waits for us.
            Stage::Waiting => return None,
            Stage::Served => return Some("it has the snapshot that it asked for".into()),
            // Loading may take long, and Redis sends nothing meanwhile.
            Stage::Loading => return None,
            // Who cannot acknowledge (SYNC without PSYNC) is not waited for.
            Stage::Online if self.announced.silent => {}
            Stage::Sending | Stage::Online if silent_ms > limits.timeout_ms => {
                return Some(format!("it has been silent for {} s", silent_ms / 1000));
            }
            Stage::Sending | Stage::Online => {}
        }
        if self.stage != Stage::Online || !self.caught_up {
            return None;
        }
        let (hard, soft, soft_ms) = limits.output;
        let behind = end.saturating_sub(self.sent);
        if hard > 0 && behind > hard {
            return Some(format!("it is {behind} bytes behind: client-output-buffer-limit"));
        }
        if soft == 0 || behind <= soft {
            self.behind_since_ms = None;
            return None;
        }
        let since = *self.behind_since_ms.get_or_insert(now_ms);
        (now_ms.saturating_sub(since) >= soft_ms)
            .then(|| format!("it is {behind} bytes behind for too long: client-output-buffer-limit"))
    }
}

/// Whether a slave can go on from where it is.
fn choose(request: &Request, announced: &Announced, log: Log<'_>) -> Start {
    let full = |reason: String, common| Start::Full { reason, common };
    let Request::Continue { id, offset } = request else {
        return full("it asks for one".into(), None);
    };
    let Err(mismatch) = log.history.accepts(id, *offset, log.end) else {
        return match *offset < log.first {
            true => full(format!("it has offset {offset}, and the log begins at {}", log.first), None),
            false => Start::Partial { from: *offset, id: log.history.id() },
        };
    };
    // A master that came back after a crash has a new name, and its data may be of a place under an old one.
    let earlier = || announced.earlier.iter().filter(|earlier| earlier.until <= *offset);
    let under_another_name = |earlier: &Earlier| {
        earlier.until == *offset && log.history.accepts(&earlier.id, *offset, log.end).is_ok()
    };
    if *offset >= log.first && earlier().any(under_another_name) {
        return Start::Partial { from: *offset, id: log.history.id() };
    }
    let own = log.history.common(id, *offset, log.end);
    let others = earlier().filter_map(|other| log.history.common(&other.id, other.until, log.end));
    let common = others.chain(own).max();
    match common {
        Some(common) if announced.refetch && !announced.only_snapshot && common >= log.first => {
            Start::Refetch { common }
        }
        _ => full(mismatch.to_string(), common),
    }
}

#[cfg(test)]
mod tests;
