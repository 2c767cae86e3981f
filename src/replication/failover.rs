//! FAILOVER: a master hands its role to one of its slaves, and becomes that one's slave, without a write lost.
//!
//! ```text
//! idle ── request ──► waiting for sync ── a slave has everything ──► in progress ── it took over ──► idle
//!   ▲                  │ (writes wait)     or time is over, FORCE     │ (PSYNC … FAILOVER)
//!   └── ABORT, time ───┴────────────── ABORT, it refused ────────────┘
//! ```
//!
//! Pure: events come in with their time, and what is to be done goes out. While it is not idle, clients that write wait,
//! and nothing is added to the log: so a slave that has acknowledged its end has everything.

use super::master::{Master, Replica, Stage as ReplicaStage};

/// What INFO shows while there is no failover.
pub const IDLE: &str = "no-failover";

/// What a client asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// The slave that is to take over; `None`: the first that has everything.
    pub target: Option<(String, u16)>,
    /// For how long the slave may take to get everything, ms; `None`: as long as it takes.
    pub timeout_ms: Option<u64>,
    /// When that time is over, the slave takes over all the same.
    pub force: bool,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Writes wait until a slave has everything.
    WaitingForSync,
    /// The slave is asked to take over.
    InProgress,
}

/// What the shell is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Become a slave of this one, and have it take over.
    Follow {
        /// Its name or address.
        host: String,
        /// Its port.
        port: u16,
        /// It has everything if the log ends here by then; else it is too early. `None`: whatever it has.
        end: Option<u64>,
    },
    /// Let clients write again. If the other was asked to take over already, become a master again before.
    Abort {
        /// For the operator.
        reason: String,
        /// How far it was.
        was: Stage,
    },
}

#[derive(Debug)]
struct Progress {
    stage: Stage,
    request: Request,
    deadline_ms: Option<u64>,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct Failover(Option<Progress>);

impl Failover {
    /// As INFO calls it.
    pub fn name(&self) -> &'static str {
        match self.stage() {
            None => IDLE,
            Some(Stage::WaitingForSync) => "waiting-for-sync",
            Some(Stage::InProgress) => "failover-in-progress",
        }
    }

    /// How far it is; `None`: there is none.
    pub fn stage(&self) -> Option<Stage> {
        self.0.as_ref().map(|progress| progress.stage)
    }

    /// Begins. From here on, writes wait.
    ///
    /// # Errors
    /// The text that the client gets; nothing has begun then.
    pub fn begin(
        &mut self,
        request: &Request,
        is_slave: bool,
        master: &Master,
        now_ms: u64,
    ) -> Result<(), &'static str> {
        if self.0.is_some() {
            return Err("ERR FAILOVER already in progress.");
        }
        if is_slave {
            return Err("ERR FAILOVER is not valid when server is a replica.");
        }
        if master.count() == 0 {
            return Err("ERR FAILOVER requires connected replicas.");
        }
        if request.force && (request.timeout_ms.is_none() || request.target.is_none()) {
            return Err("ERR FAILOVER with force option requires both a timeout and target HOST and IP.");
        }
        if let Some(target) = &request.target {
            match find(master, target) {
                None => return Err("ERR FAILOVER target HOST and PORT is not a replica."),
                Some(replica) if replica.stage != ReplicaStage::Online => {
                    return Err("ERR FAILOVER target replica is not online.");
                }
                Some(_) => {}
            }
        }
        let deadline_ms = request.timeout_ms.map(|ms| now_ms.saturating_add(ms));
        self.0 = Some(Progress { stage: Stage::WaitingForSync, request: request.clone(), deadline_ms });
        Ok(())
    }

    /// A client wants it to end. `None`: there is none.
    pub fn abort(&mut self, reason: &str) -> Option<Action> {
        self.0.take().map(|progress| Action::Abort { reason: reason.to_string(), was: progress.stage })
    }

    /// The slave took over.
    pub fn done(&mut self) {
        self.0 = None;
    }

    /// It was too early: something was written after all. It waits on.
    pub fn wait_on(&mut self) {
        if let Some(progress) = &mut self.0 {
            progress.stage = Stage::WaitingForSync;
        }
    }

    /// Looks whether a slave has everything, or the time is over. `end` is where the log ends.
    pub fn poll(&mut self, master: &Master, end: u64, now_ms: u64) -> Option<Action> {
        let progress = self.0.as_mut().filter(|progress| progress.stage == Stage::WaitingForSync)?;
        if progress.deadline_ms.is_some_and(|deadline_ms| now_ms >= deadline_ms) {
            if let (true, Some((host, port))) = (progress.request.force, progress.request.target.clone()) {
                progress.stage = Stage::InProgress;
                return Some(Action::Follow { host, port, end: None });
            }
            return self.abort("Replica never caught up before timeout");
        }
        let synced =
            |replica: &&Replica| replica.stage == ReplicaStage::Online && replica.acknowledged >= end;
        let (host, port) = match &progress.request.target {
            Some(target) => find(master, target).filter(synced).map(|_| target.clone()),
            None => master
                .replicas()
                .map(|(_, replica)| replica)
                .find(synced)
                .map(|replica| (replica.ip().to_string(), replica.announced.port)),
        }?;
        progress.stage = Stage::InProgress;
        Some(Action::Follow { host, port, end: Some(end) })
    }
}

fn find<'a>(master: &'a Master, (host, port): &(String, u16)) -> Option<&'a Replica> {
    let is_it = |replica: &&Replica| replica.ip() == host && replica.announced.port == *port;
    master.replicas().map(|(_, replica)| replica).find(is_it)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replication::handshake::{self, Announced};
    use crate::replication::master::Log;
    use crate::replication::{History, ReplicationId};

    /// A master whose log ends at 100, and slaves on these ports that go on from there.
    fn master(ports: &[u16]) -> Master {
        let history = History::new(ReplicationId::from_random([1; 20]));
        let log = Log { history: &history, first: 0, end: 100 };
        let request = handshake::Request::Continue { id: history.id(), offset: 100 };
        let mut master = Master::default();
        for &port in ports {
            let announced = Announced { port, psync2: true, ..Announced::default() };
            master.attach(u64::from(port), "10.0.0.1", announced, &request, log, 0);
        }
        master
    }

    fn to(port: u16) -> Request {
        Request { target: Some(("10.0.0.1".into(), port)), ..Request::default() }
    }

    fn follow(port: u16, end: Option<u64>) -> Option<Action> {
        Some(Action::Follow { host: "10.0.0.1".into(), port, end })
    }

    #[test]
    fn the_first_slave_that_has_everything_takes_over() {
        let (mut master, mut failover) = (master(&[1, 2]), Failover::default());
        assert_eq!(failover.name(), "no-failover");
        failover.begin(&Request::default(), false, &master, 0).unwrap();
        assert_eq!(failover.name(), "waiting-for-sync");
        master.acknowledge(1, 99, None, 1);
        assert_eq!(failover.poll(&master, 100, 1), None);
        master.acknowledge(2, 100, None, 2);
        assert_eq!(failover.poll(&master, 100, 2), follow(2, Some(100)));
        assert_eq!(failover.name(), "failover-in-progress");
        assert_eq!(failover.poll(&master, 100, 3), None, "it is asked once");
        failover.done();
        assert_eq!(failover.name(), "no-failover");
    }

    #[test]
    fn the_slave_that_is_named_is_waited_for_while_there_is_time() {
        let (mut master, mut failover) = (master(&[1, 2]), Failover::default());
        master.acknowledge(2, 100, None, 2);
        let request = Request { timeout_ms: Some(10), ..to(1) };
        failover.begin(&request, false, &master, 5).unwrap();
        assert_eq!(failover.poll(&master, 100, 14), None);
        let (reason, was) = ("Replica never caught up before timeout".into(), Stage::WaitingForSync);
        assert_eq!(failover.poll(&master, 100, 15), Some(Action::Abort { reason, was }));
        assert_eq!(failover.stage(), None);
        failover.begin(&Request { force: true, ..request }, false, &master, 20).unwrap();
        assert_eq!(failover.poll(&master, 100, 30), follow(1, None));
    }

    #[test]
    fn what_was_written_after_all_is_waited_for() {
        let (mut master, mut failover) = (master(&[1]), Failover::default());
        failover.begin(&to(1), false, &master, 0).unwrap();
        master.acknowledge(1, 100, None, 0);
        assert_eq!(failover.poll(&master, 100, 0), follow(1, Some(100)));
        failover.wait_on();
        assert_eq!(failover.poll(&master, 101, 0), None);
        let (reason, was) = ("enough".to_string(), Stage::WaitingForSync);
        assert_eq!(failover.abort("enough"), Some(Action::Abort { reason, was }));
        assert_eq!(failover.abort("enough"), None);
    }

    #[test]
    fn what_cannot_be_is_refused_in_the_order_of_redis() {
        let refusal = |request: &Request, is_slave, ports: &[u16]| {
            Failover::default().begin(request, is_slave, &master(ports), 0).unwrap_err()
        };
        let force = Request { force: true, ..to(1) };
        assert_eq!(refusal(&to(1), true, &[]), "ERR FAILOVER is not valid when server is a replica.");
        assert_eq!(refusal(&force, false, &[]), "ERR FAILOVER requires connected replicas.");
        assert_eq!(
            refusal(&force, false, &[1]),
            "ERR FAILOVER with force option requires both a timeout and target HOST and IP."
        );
        assert_eq!(refusal(&to(2), false, &[1]), "ERR FAILOVER target HOST and PORT is not a replica.");
        let mut twice = Failover::default();
        twice.begin(&to(1), false, &master(&[1]), 0).unwrap();
        let again = twice.begin(&to(1), false, &master(&[1]), 0);
        assert_eq!(again, Err("ERR FAILOVER already in progress."));
    }
}
