//! Master, slaves, network and clock in one process, with faults drawn from a seed.
//!
//! The state machines, the histories and the cutter are the real ones; what is around them in the daemon (sockets, the
//! log, the store, snapshots) stands here as small models that keep its promises and no more: bytes arrive in order or
//! the connection breaks, a crash loses what was not synced, a full disk refuses a data set. Nodes crash, connections
//! break, bytes come late and in pieces, roles change, logs are cut short; a master of before comes back with writes
//! that nobody has. At the end all heals, and all nodes must have the same data, offset and history.
//!
//! | file | what |
//! |------|------|
//! | `node` | one server: its disk, its log, its data, as master and as slave |
//! | `refetch` | what differs, fetched again |
//! | `network` | connections: bytes under way |
//! | `tests` | many seeds; and that each broken rule is found out |
//!
//! A failure names its seed; `PIKA_SIMULATION_SEED=17 cargo test -p pika-core --lib simulation` runs that one alone.

mod network;
mod node;
mod refetch;
mod tests;

use std::collections::BTreeMap;

use network::Network;
use node::{Checkpoint, Node};
use refetch::Answer;

use super::ReplicationId;
use super::master::Limits;

/// Servers in a simulation.
const NODES: usize = 3;
/// What a step of the clock is, ms.
const STEP_MS: u64 = 100;
/// Steps in which faults happen.
const STEPS: usize = 220;
/// Steps after which all must be the same again, once all heals.
const HEALING: usize = 400;

/// A rule of the protocol that is broken on purpose: the simulation must find each of them out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    /// None is.
    Nothing,
    /// A master lets a slave go on that has more of an old history than there is.
    Fork,
    /// A slave asks for one byte too far on.
    Position,
    /// A master that crashed goes on under the same name.
    Name,
    /// What comes while a data set is loaded is dropped.
    Spool,
    /// A checkpoint is said to be of the end of the log, whatever it is of.
    Checkpoint,
    /// Of what differs, only that is fetched again which the slave wrote itself.
    Lost,
    /// Of what differs, only that is fetched again which the master wrote since.
    Since,
}

/// What a node sees of the others.
pub(super) struct Others {
    checkpoints: Vec<Option<Checkpoint>>,
    up: Vec<bool>,
    /// What the master answers, if it is asked what was written.
    answer: Answer,
}

/// See the module's documentation.
pub(super) struct World {
    now_ms: u64,
    random: fastrand::Rng,
    nodes: Vec<Node>,
    network: Network,
    /// Who is meant to be the master.
    leader: usize,
    broken: Broken,
    /// Less is lost for good.
    calm: bool,
    /// What happened, for a seed that is looked at.
    story: Vec<String>,
}

/// What a run came to, to know that it was about something.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) writes: u64,
    pub(super) crashes: u64,
    pub(super) promotions: u64,
    pub(super) full: u64,
    pub(super) partial: u64,
    pub(super) files: u64,
    pub(super) refetched: u64,
    pub(super) full_disks: u64,
}

impl World {
    pub(super) fn new(seed: u64, broken: Broken) -> World {
        let mut random = fastrand::Rng::with_seed(seed);
        let nodes = (0..NODES).map(|index| Node::new(index, fresh_id(&mut random), broken)).collect();
        let mut world = World {
            now_ms: 1_000_000,
            random,
            nodes,
            network: Network::default(),
            leader: 0,
            broken,
            calm: seed % 2 == 1,
            story: Vec::new(),
        };
        for index in 1..NODES {
            world.nodes[index].follow(Some(0), world.now_ms);
        }
        world
    }

    /// Runs it all.
    ///
    /// # Errors
    /// What differs at the end.
    pub(super) fn run(mut self) -> Result<Tally, String> {
        let mut tally = Tally::default();
        for _ in 0..STEPS {
            self.faults(&mut tally);
            self.step();
        }
        self.heal();
        for round in 0..HEALING {
            // A write now and then: what is wrong with an offset is seen when bytes follow it.
            if round % 50 == 0 && round < HEALING / 2 {
                self.nodes[self.leader].write(&mut self.random);
            }
            self.step();
            if round > HEALING / 2 && self.difference().is_none() {
                break;
            }
        }
        for node in &self.nodes {
            tally.full += node.master.counters.full;
            tally.partial += node.master.counters.partial;
            tally.files += node.fetched;
            tally.refetched += node.refetched;
            tally.writes += node.writes;
        }
        match self.difference() {
            None => Ok(tally),
            Some(difference) => Err(format!("{difference}\n{}", self.story.join("\n"))),
        }
    }

    fn tell(&mut self, what: String) {
        self.story.push(format!("{:>8} {what}", self.now_ms));
    }

    fn faults(&mut self, tally: &mut Tally) {
        for _ in 0..self.random.usize(..4) {
            let leader = self.leader;
            if self.nodes[leader].up {
                self.nodes[leader].write(&mut self.random);
            }
        }
        let roll = match self.random.u8(..100) {
            // Histories live longer, and part more often: what differs can be told.
            1..=3 | 15..=16 if self.calm => 28,
            roll => roll,
        };
        match roll {
            0..=3 => {
                let index = self.random.usize(..NODES);
                if self.nodes[index].up {
                    tally.crashes += 1;
                    self.tell(format!("{index} crashes"));
                    self.network.break_all_of(index);
                    let (lost, fresh) = (self.random.bool(), fresh_id(&mut self.random));
                    self.nodes[index].crash(lost, fresh, self.broken == Broken::Name);
                }
            }
            4..=8 => self.network.break_one(&mut self.random),
            9..=11 => self.promote(tally),
            12..=14 => {
                let index = self.random.usize(..NODES);
                self.nodes[index].full_until_ms = self.now_ms + self.random.u64(..3000);
                tally.full_disks += 1;
            }
            15..=16 => {
                let index = self.random.usize(..NODES);
                self.nodes[index].cut_log();
            }
            19..=25 => {
                let index = self.random.usize(..NODES);
                self.nodes[index].flush();
            }
            17..=18 | 26..=27 => {
                // Somebody writes to a master of before, whom nobody has told yet.
                let index = self.random.usize(..NODES);
                if self.nodes[index].up && self.nodes[index].master_of.is_none() {
                    self.nodes[index].write(&mut self.random);
                }
            }
            28..=29 => {
                // A client takes a slave for itself, for a while.
                let index = self.random.usize(..NODES);
                if index != self.leader && self.nodes[index].may_be_promoted() {
                    self.tell(format!("{index} is a master for a while"));
                    let fresh = fresh_id(&mut self.random);
                    self.network.break_all_of(index);
                    self.nodes[index].promote(fresh);
                    self.nodes[index].write(&mut self.random);
                }
            }
            _ => {}
        }
        for index in 0..NODES {
            let node = &mut self.nodes[index];
            if !node.up && self.random.u8(..10) == 0 {
                node.start(self.now_ms);
            }
            // Whoever looks after them has a node follow the leader, sooner or later.
            let strays = node.up && index != self.leader && node.master_of != Some(self.leader);
            if strays && self.random.u8(..12) == 0 {
                self.network.break_all_of(index);
                let leader = self.leader;
                self.nodes[index].follow(Some(leader), self.now_ms);
                self.tell(format!("{index} follows {leader}"));
            }
        }
    }

    fn promote(&mut self, tally: &mut Tally) {
        let index = self.random.usize(..NODES);
        if index == self.leader || !self.nodes[index].may_be_promoted() {
            return;
        }
        tally.promotions += 1;
        self.tell(format!("{index} takes the place of {}", self.leader));
        self.network.break_all_of(index);
        let fresh = fresh_id(&mut self.random);
        self.nodes[index].promote(fresh);
        self.leader = index;
    }

    fn heal(&mut self) {
        self.tell("all heals".into());
        for index in 0..NODES {
            let node = &mut self.nodes[index];
            node.full_until_ms = 0;
            if !node.up {
                node.start(self.now_ms);
            }
            let master = (index != self.leader).then_some(self.leader);
            if self.nodes[index].master_of != master {
                self.network.break_all_of(index);
                self.nodes[index].follow(master, self.now_ms);
            }
        }
    }

    fn step(&mut self) {
        self.now_ms += STEP_MS;
        let limits =
            Limits { timeout_ms: 5000, ping_ms: 1000, output: (0, 0, 0), min_replicas: 0, max_lag_s: 0 };
        for index in 0..NODES {
            if !self.nodes[index].up {
                continue;
            }
            let (checkpoints, up): (Vec<_>, Vec<_>) =
                self.nodes.iter().map(|node| (node.checkpoint.clone(), node.up)).unzip();
            let node = &self.nodes[index];
            let answer = match node.refetches(self.now_ms).zip(node.master_of) {
                Some((common, master)) => refetch::ask(&self.nodes[master], common),
                None => Answer::Gone,
            };
            let others = Others { checkpoints, up, answer };
            self.nodes[index].clock(&mut self.network, &others, &limits, self.now_ms, &mut self.random);
        }
        for (connection, end, bytes) in self.network.deliver(self.now_ms, &mut self.random) {
            self.nodes[end].receive(connection, &bytes, &mut self.network, self.now_ms, &mut self.random);
        }
        for (connection, end) in self.network.ended() {
            self.nodes[end].lost(connection, &mut self.network, self.now_ms, &mut self.random);
        }
    }

    /// What differs from the leader; `None` if nothing does.
    fn difference(&self) -> Option<String> {
        let leader = &self.nodes[self.leader];
        for node in self.nodes.iter().filter(|node| node.index != leader.index) {
            if let Some(failure) = &node.failure {
                return Some(format!("node {}: {failure}", node.index));
            }
            let who = format!("node {} and its master {}", node.index, leader.index);
            if node.end() != leader.end() || node.history.id() != leader.history.id() {
                return Some(format!(
                    "{who} are at different places: {} of {}, {} of {}; the link: {:?} {}",
                    node.end(),
                    node.history.id(),
                    leader.end(),
                    leader.history.id(),
                    node.stage(),
                    node.last_error(),
                ));
            }
            if node.data != leader.data {
                return Some(format!("{who} differ: {}", first_difference(&node.data, &leader.data)));
            }
            if !node.same_log(leader) {
                return Some(format!("{who} have different logs"));
            }
        }
        None
    }
}

fn first_difference(one: &node::Data, other: &node::Data) -> String {
    let keys: BTreeMap<&String, ()> = one.keys().chain(other.keys()).map(|key| (key, ())).collect();
    let differs = keys.keys().find(|key| one.get(**key) != other.get(**key));
    differs.map_or_else(String::new, |key| format!("{key}: {:?} | {:?}", one.get(*key), other.get(*key)))
}

fn fresh_id(random: &mut fastrand::Rng) -> ReplicationId {
    let mut bytes = [0; ReplicationId::LENGTH / 2];
    random.fill(&mut bytes);
    ReplicationId::from_random(bytes)
}
