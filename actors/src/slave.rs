//! The link to a master: the task that owns its socket, and drives [`pika_core::replication::slave`].
//!
//! It has a thread of its own, which may wait for the disk. What comes is parsed once a read, appended to the log as
//! it came, and run by the partitions ([`crate::followed`]); the next read waits for that, so that TCP tells the
//! master how fast this is. A data set goes to a file, and from there beside the data that is served
//! ([`crate::loading`]); meanwhile the stream goes to another file.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use pika_core::config::options;
use pika_core::keyspace::partition::Role;
use pika_core::replication::link::MasterLink;
use pika_core::replication::slave::{Action, Event, Position, Settings, Slave, Stage};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use crate::followed;
use crate::following::Order;
use crate::server::fail_stop;
use crate::socket::{ReadHalf, WriteHalf};
use crate::state::{Blocking, State, lock, now_ms};

mod adopt;
pub(crate) mod client;
mod connect;
mod divergence;
mod fetch;
mod hand_over;
mod refetch;
mod stream;
mod sync;

pub use sync::sweep;

use stream::Feed;
use sync::{Loading, Transfer};

/// How often time is looked at.
const TICK: Duration = Duration::from_millis(100);
/// Bytes that are read at a time.
const READ_BYTES: usize = 256 * 1024;
/// While clients are paused, the stream waits; with so many bytes of it, its master has to.
const MOST_WAITING: usize = 64 << 20;

/// What comes back to the task from elsewhere.
enum News {
    Connected(u64, std::io::Result<(ReadHalf, WriteHalf)>),
    Loaded(u64, Result<(), String>),
    Refetched(u64, Result<(), String>),
}

/// See the module's documentation.
pub struct Link {
    state: Arc<State>,
    machine: Option<Slave>,
    socket: Option<(ReadHalf, WriteHalf)>,
    input: BytesMut,
    feed: Option<Feed>,
    transfer: Option<Transfer>,
    loading: Option<Loading>,
    fetching: Option<fetch::Fetching>,
    refetching: Option<refetch::Refetching>,
    /// What differs from this master's data cannot be fetched alone.
    whole: Arc<AtomicBool>,
    /// How often in a row that was tried in vain.
    tries: Arc<std::sync::atomic::AtomicU32>,
    /// This master's data set cannot be had as files.
    plain: Arc<AtomicBool>,
    /// Grows with each connection: news of an earlier one are stale.
    session: u64,
    news: UnboundedSender<News>,
    /// The master's settings were changed, or its stream cannot be followed: the next position is none.
    full: bool,
    /// The master is a slave of this server that is to take over its role: see [`hand_over`].
    hands_over: bool,
    /// A part of the stream waits, since clients are paused.
    paused: bool,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Link {{ machine: {:?} }}", self.machine)
    }
}

/// Starts the task on the current arbiter. If the server is a slave by its configuration, it connects at once.
pub fn start_here(state: Arc<State>) {
    let (send_orders, orders) = unbounded_channel();
    let _ = state.following.orders.set(send_orders);
    let (news, arrivals) = unbounded_channel();
    let machine = state.following.is_slave().then(|| Slave::new(now_ms()));
    let link = Link {
        state,
        machine,
        socket: None,
        input: BytesMut::with_capacity(READ_BYTES),
        feed: None,
        transfer: None,
        loading: None,
        fetching: None,
        refetching: None,
        whole: Arc::default(),
        tries: Arc::default(),
        plain: Arc::default(),
        session: 0,
        news,
        full: false,
        hands_over: false,
        paused: false,
    };
    actix_rt::spawn(link.run(orders, arrivals));
}

impl Link {
    async fn run(mut self, mut orders: UnboundedReceiver<Order>, mut arrivals: UnboundedReceiver<News>) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            self.input.reserve(READ_BYTES);
            let full =
                self.is_paused() && self.feed.as_ref().is_some_and(|feed| feed.waiting() > MOST_WAITING);
            let (socket, input) = (&mut self.socket, &mut self.input);
            let read = async {
                match socket {
                    Some((reader, _)) if !full => reader.read(input).await,
                    _ => std::future::pending().await,
                }
            };
            tokio::select! {
                order = orders.recv() => match order {
                    Some(Order::Follow(master, answer)) => {
                        let _ = answer.send(self.follow(master).await);
                    }
                    Some(Order::HandOver(host, port, end)) => self.hand_over(host, port, end).await,
                    Some(Order::TakeOver(answer)) => {
                        let _ = answer.send(self.take_over().await);
                    }
                    Some(Order::Stop(answer)) => {
                        self.machine = None;
                        self.disconnect();
                        let _ = answer.send(());
                        return;
                    }
                    None => return,
                },
                news = arrivals.recv() => match news {
                    Some(News::Connected(session, result)) if session == self.session => self.connected(result).await,
                    Some(News::Loaded(session, result)) if session == self.session => self.loaded(result).await,
                    Some(News::Refetched(session, result)) if session == self.session => self.refetched(result).await,
                    _ => {}
                },
                count = read => match count {
                    Ok(0) => self.handle(Event::Broken("the master closed the connection")).await,
                    Ok(_) => {
                        let bytes = self.input.split();
                        self.handle(Event::Received(&bytes)).await;
                    }
                    Err(error) => self.handle(Event::Broken(&error.to_string())).await,
                },
                _ = ticks.tick() => {
                    self.handle(Event::Clock).await;
                    if std::mem::take(&mut self.paused) && self.feed.is_some() {
                        // What came while clients were paused.
                        self.act(vec![Action::Stream(Bytes::new())]).await;
                        self.publish();
                    }
                }
            }
        }
    }

    /// Tells the machine, and does what it says.
    async fn handle(&mut self, event: Event<'_>) {
        let Some(machine) = &mut self.machine else { return };
        let actions = machine.handle(event, now_ms());
        self.act(actions).await;
        self.publish();
    }

    async fn act(&mut self, actions: Vec<Action>) {
        let mut queue: std::collections::VecDeque<Action> = actions.into();
        while let Some(action) = queue.pop_front() {
            let result = match action {
                Action::Connect => {
                    self.connect();
                    Ok(Vec::new())
                }
                Action::Send(bytes) => self.send(&bytes).await.map(|()| Vec::new()),
                Action::Disconnect(why) => {
                    slog::warn!(self.state.logger, "the link to the master is down"; "cause" => why);
                    self.disconnect();
                    // What was to be done with the connection is not done.
                    queue.clear();
                    Ok(Vec::new())
                }
                Action::BeginTransfer(position, size) => {
                    self.begin_transfer(position, size).map(|()| Vec::new())
                }
                Action::Store(bytes) => self.store(&bytes).map(|()| Vec::new()),
                Action::Load(position) => self.load(position).map(|()| Vec::new()),
                Action::HandedOver(result) => {
                    self.handed_over(result).await;
                    Ok(Vec::new())
                }
                Action::Fetch { of, name, common } => self.fetch(of, name, common).map(|()| Vec::new()),
                Action::Refetch(common) => self.refetch(common).map(|()| Vec::new()),
                Action::Continue(id) => self.go_on(id).await.map(|()| Vec::new()),
                Action::Stream(bytes) => self.stream(&bytes).await,
                Action::Spool(bytes) => self.spool(&bytes).map(|()| Vec::new()),
                Action::Tell(text) => {
                    slog::info!(self.state.logger, "{}", text);
                    Ok(Vec::new())
                }
            };
            match result {
                Ok(more) => more.into_iter().rev().for_each(|action| queue.push_front(action)),
                Err(why) => {
                    let Some(machine) = &mut self.machine else { return };
                    queue = machine.handle(Event::Broken(&why), now_ms()).into();
                }
            }
        }
    }

    /// Tells all what is known.
    fn publish(&mut self) {
        let Some(machine) = &self.machine else { return };
        let waiting = self.feed.as_ref().map_or(0, Feed::waiting);
        self.state.following.change(|link| {
            if link.stage != machine.stage() {
                slog::info!(self.state.logger, "link to the master: {}", machine.stage().name();
                    "was" => link.stage.name());
            }
            link.stage = machine.stage();
            link.last_received_ms = machine.last_received_ms();
            link.down_since_ms = machine.down_since_ms;
            link.last_error.clone_from(&machine.last_error);
            link.offset = self.state.log.committed();
            link.received = link.offset + waiting as u64;
        });
    }

    fn connect(&mut self) {
        let Some(MasterLink { host, port, .. }) = self.state.following.link() else { return };
        self.session += 1;
        slog::info!(self.state.logger, "connecting to the master"; "host" => &host, "port" => port);
        let (news, session, state) = (self.news.clone(), self.session, self.state.clone());
        actix_rt::spawn(async move {
            let result = connect::connect(&state, &host, port).await;
            let _ = news.send(News::Connected(session, result));
        });
    }

    async fn connected(&mut self, result: std::io::Result<(ReadHalf, WriteHalf)>) {
        match result {
            Ok(socket) => {
                self.socket = Some(socket);
                self.input.clear();
                let (settings, position) = (self.settings(), self.position());
                self.handle(Event::Connected(settings, position)).await;
            }
            Err(error) => self.handle(Event::Broken(&format!("cannot connect: {error}"))).await,
        }
    }

    fn settings(&self) -> Settings {
        let config = self.state.config();
        let port = match config.get(options::REPLICA_ANNOUNCE_PORT) {
            0 if config.get(options::TLS_REPLICATION) && config.get(options::TLS_PORT) != 0 => {
                config.get(options::TLS_PORT)
            }
            0 => config.get(options::PORT),
            port => port,
        };
        // Files, and what differs, come over connections of their own, which do not speak TLS, nor from an address of choice.
        let connects =
            config.get(options::BIND_SOURCE_ADDR).is_empty() && !config.get(options::TLS_REPLICATION);
        Settings {
            user: config.get(options::MASTERUSER).to_string(),
            password: config.get(options::MASTERAUTH).to_string(),
            announce_ip: config.get(options::REPLICA_ANNOUNCE_IP).to_string(),
            port,
            timeout_ms: u64::from(config.get(options::REPL_TIMEOUT)) * 1000,
            hands_over: self.hands_over,
            // Nor can what clients write into a slave be told from its log.
            refetch: connects
                && config.get(options::REPLICA_READ_ONLY)
                && !self.whole.load(Ordering::Acquire),
            earlier: lock(&self.state.replication.history).earlier().to_vec(),
            files: config.get(options::FULL_SYNC_FILES) && connects && !self.plain.load(Ordering::Acquire),
        }
    }

    /// Where this server is: what its log says.
    fn position(&self) -> Option<Position> {
        let history = lock(&self.state.replication.history);
        (!self.full && !history.is_incomplete())
            .then(|| Position { id: history.id(), offset: self.state.log.committed() })
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        let Some((_, writer)) = &self.socket else { return Err("there is no connection".into()) };
        writer.write_all(bytes).await.map_err(|error| error.to_string())
    }

    fn disconnect(&mut self) {
        self.session += 1;
        self.socket = None;
        self.input.clear();
        self.feed = None;
        self.transfer = None;
        // The thread that loads sees it, and gives up.
        self.loading = None;
        self.fetching = None;
        self.refetching = None;
        self.state.following.change(|link| (link.sync_total, link.sync_received) = (None, 0));
    }

    /// REPLICAOF.
    async fn follow(&mut self, master: Option<(String, u16)>) -> Result<bool, String> {
        let before = self.state.following.link();
        let Some((host, port)) = master else {
            let Some(link) = before else { return Ok(false) };
            if link.stage == Stage::Sync {
                return Err(format!(
                    "this server is in the middle of a full synchronisation with {}:{} ({} bytes received, {} keys \
                     loaded): what it has is the data of before",
                    link.host, link.port, link.sync_received, link.sync_keys
                ));
            }
            self.promote().await;
            return Ok(true);
        };
        if before.as_ref().is_some_and(|link| link.host == host && link.port == port) {
            return Ok(false);
        }
        let first = before.is_none();
        self.become_slave(host, port);
        if first {
            self.change_role(Role::Slave, None).await;
            self.release_blocked();
        }
        self.machine = Some(Slave::new(now_ms()));
        Ok(true)
    }

    /// Says everywhere that this server is that one's slave.
    fn become_slave(&mut self, host: String, port: u16) {
        self.disconnect();
        self.full = false;
        self.plain = Arc::default();
        self.whole = Arc::default();
        self.tries = Arc::default();
        slog::info!(self.state.logger, "this server becomes a slave"; "master" => format!("{host}:{port}"));
        self.set_config(&format!("{host} {port}"));
        self.state.following.set(Some(MasterLink::new(host, port, now_ms())));
        // Their history may be another one from here on; they ask anew.
        crate::replication::drop_all(&self.state);
    }

    fn set_config(&self, master: &str) {
        match self.state.config().with(options::REPLICAOF, master) {
            Ok(config) => self.state.replace_config(config),
            Err(error) => {
                slog::warn!(self.state.logger, "the configuration cannot name the master: {}", error)
            }
        }
    }

    /// Makes this server a master, at the end of what it has of its master's stream.
    async fn promote(&mut self) {
        self.machine = None;
        self.hands_over = false;
        self.disconnect();
        self.set_config("");
        self.change_role(Role::Master, None).await;
        self.state.following.set(None);
        // They go on under this server's own name of the history, once they have heard it.
        crate::replication::drop_all(&self.state);
        let history = lock(&self.state.replication.history);
        slog::info!(self.state.logger, "this server is a master now"; "history" => history.id().as_str(),
            "offset" => self.state.log.committed());
    }

    /// Gives all partitions a role, between two commands. A master goes on under a new name of the history. With
    /// `expected`, only if the log ends there, all that was written so far included; returns whether it does.
    async fn change_role(&self, role: Role, expected: Option<u64>) -> bool {
        let (tell, told) = oneshot::channel();
        let state = self.state.clone();
        followed::with_all(&self.state, move |held| {
            // What was written so far is in the log before anything else happens; heartbeats and messages get no place
            // in it any more.
            let end = held[0].shared.set_follows(role != Role::Master);
            if expected.is_some_and(|expected| expected != end) {
                held[0].shared.set_follows(false);
                let _ = tell.send(false);
                return;
            }
            state.log.wait_written(end);
            held.iter_mut().for_each(|partition| partition.role = role);
            if role == Role::Master {
                state.log.sync_to(end);
                crate::server::begin_history(&state, end);
                held[0].shared.select_anew();
            }
            let _ = tell.send(true);
        });
        told.await.unwrap_or(false)
    }

    /// Clients that wait for a key would write when they get it.
    fn release_blocked(&self) {
        use pika_core::server::{Server, Unblock};
        let waiting: Vec<u64> = lock(&self.state.clients)
            .iter()
            .filter(|(_, client)| *lock(&client.blocked) != Blocking::No)
            .map(|(id, _)| *id)
            .collect();
        let service = crate::service::Service { state: self.state.clone() };
        for id in waiting {
            service.unblock(id, Unblock::Demoted);
        }
    }

    /// The stream goes on where this server is.
    async fn go_on(&mut self, id: Option<pika_core::replication::ReplicationId>) -> Result<(), String> {
        let end = self.state.log.committed();
        if let Some(id) = id
            && id != lock(&self.state.replication.history).id()
        {
            self.state.log.sync_to(end);
            crate::server::change_history(&self.state, |history| history.follow(id, end));
            // Their history has another name now, which they have to hear.
            crate::replication::drop_all(&self.state);
        }
        let feed = Feed::new(&self.state)?;
        *self.state.following.steps.lock().await = feed.selected();
        self.feed = Some(feed);
        self.state.following.change(|link| link.partial_syncs += 1);
        Ok(())
    }

    /// CLIENT PAUSE holds the master's stream up, too: it writes.
    fn is_paused(&self) -> bool {
        self.state.paused.load(Ordering::Relaxed) && self.state.client_pause().is_some()
    }

    /// Logs and runs what came. What the machine says to it is to be done next.
    async fn stream(&mut self, bytes: &Bytes) -> Result<Vec<Action>, String> {
        let Some(feed) = &mut self.feed else {
            return Err("the stream comes before it was asked for".into());
        };
        feed.push(bytes);
        let mut actions = Vec::new();
        loop {
            if self.is_paused() {
                self.paused = true;
                return Ok(actions);
            }
            let Some(feed) = &mut self.feed else { return Ok(actions) };
            let step = match feed.step(&self.state).await {
                Ok(Some(step)) => step,
                Ok(None) => return Ok(actions),
                Err(error) => {
                    // What cannot be followed as commands comes as a whole data set.
                    self.full = true;
                    return Err(error.to_string());
                }
            };
            let Some(machine) = &mut self.machine else { return Ok(actions) };
            machine.handle(Event::Applied(step.offset), now_ms());
            if step.get_ack {
                actions.extend(machine.acknowledge(now_ms()));
            }
            if let Some(error) = step.refused {
                slog::error!(self.state.logger, "a command of the master is refused: the data differs from the \
                    master's, and is fetched again as a whole"; "offset" => step.offset, "error" => &error);
                self.state.following.change(|link| link.refused += 1);
                self.full = true;
                // After a restart, too.
                crate::server::change_history(&self.state, |history| history.begin_full_sync());
                return Err(format!("the data differs from the master's: {error}"));
            }
        }
    }
}

/// An error of the disk under the link: the process ends.
fn fatal(state: &State, what: &str, error: &dyn std::fmt::Display) -> ! {
    fail_stop(&state.logger, &format!("{what}: {error}"))
}
