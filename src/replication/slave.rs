//! The slave's side of replication, as a state machine: what happened goes in, what to do comes out. It has no socket,
//! no clock and no files.
//!
//! ```text
//! connect ─► ping ─► configure ─► psync ─┬─► +CONTINUE ───────────────────────────────► stream
//!    ▲                                   ├─► +FULLRESYNC ─► transfer ─► load (spools) ──►  │
//!    ├──── the data is in its place ◄── fetch ◄── +CHECKPOINT, +DIVERGED                     │
//!    └───────────── a second after the link broke, whatever it was at ◄────────────────────┘
//! ```
//!
//! The position that it asks the master to go on from is told by whoever drives it, at each connection, from what is
//! in its own log: nothing here remembers an offset over a broken link. During *load* the stream comes already; it is
//! spooled, so that the master need not keep it in memory. During *fetch* it does not: the files of a checkpoint, or the
//! keys that differ ([`super::refetch`]), come over connections of their own, and the master's log keeps what is behind
//! them; with the data in its place the slave connects again, and goes on from the log.

use bytes::{Buf, BytesMut};

use super::handshake::{FILES_CAPABILITY, REFETCH_CAPABILITY, earlier_capability};
use super::history::{Earlier, ReplicationId};
use crate::keyspace::transaction::write_command;

mod answer;
mod event;
mod transfer;

pub use event::{Action, Event};

use transfer::Transfer;

/// How long after a failure it connects again, ms.
pub const RETRY_MS: u64 = 1000;
/// The longest that it waits, after several data sets in a row that could not be put into place; ms.
pub const LONGEST_RETRY_MS: u64 = 30_000;
/// How often it tells the master its offset, ms.
pub const ACK_MS: u64 = 1000;
/// The longest line that a master answers with, in bytes.
const LONGEST_LINE: usize = 64 * 1024;

/// What of the configuration it needs. Taken anew at each connection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// `masteruser`, empty for none.
    pub user: String,
    /// `masterauth`, empty for none.
    pub password: String,
    /// `replica-announce-ip`, empty for none.
    pub announce_ip: String,
    /// The port that it tells the master.
    pub port: u16,
    /// `repl-timeout`, in ms.
    pub timeout_ms: u64,
    /// The other is a slave of this server, and is asked to take over its role (FAILOVER).
    pub hands_over: bool,
    /// It takes a data set as the files of a checkpoint, from a master that offers them.
    pub files: bool,
    /// It fetches again only what differs, if its master says where their histories parted.
    pub refetch: bool,
    /// The names that its history had, the newest first; the master is told with `refetch`.
    pub earlier: Vec<Earlier>,
}

/// A place in a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The history's name.
    pub id: ReplicationId,
    /// Everything before it is there.
    pub offset: u64,
}

/// How far it is, as ROLE and INFO name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It will connect.
    Connect,
    /// It connects.
    Connecting,
    /// Greetings, authentication, capabilities.
    Handshake,
    /// The data set comes, or is loaded.
    Sync,
    /// It follows the stream.
    Connected,
}

impl Stage {
    /// The name in ROLE.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Connect => "connect",
            Stage::Connecting => "connecting",
            Stage::Handshake => "handshake",
            Stage::Sync => "sync",
            Stage::Connected => "connected",
        }
    }
}

#[derive(Debug)]
enum Phase {
    /// Not connected; connects at this time.
    Waiting(u64),
    Connecting,
    Ping,
    /// Answers that are to come: to what.
    Configure(Vec<&'static str>),
    Psync,
    Transfer(Transfer, Position),
    Load,
    /// The files of a checkpoint, or what differs, are fetched and put into their place.
    Fetch,
    Stream,
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Slave {
    phase: Phase,
    settings: Settings,
    position: Option<Position>,
    input: BytesMut,
    last_received_ms: u64,
    last_ack_ms: u64,
    applied: u64,
    /// Why the link broke last.
    pub last_error: String,
    /// Since when the link is down, Unix time in ms; `None` while it is up.
    pub down_since_ms: Option<u64>,
    /// Data sets in a row that could not be put into place.
    failed_data_sets: u32,
}

impl Slave {
    /// Connects at once. `now_ms` is Unix time, here as in all that follows.
    pub fn new(now_ms: u64) -> Slave {
        Slave {
            phase: Phase::Waiting(now_ms),
            settings: Settings::default(),
            position: None,
            input: BytesMut::new(),
            last_received_ms: now_ms,
            last_ack_ms: now_ms,
            applied: 0,
            last_error: String::new(),
            down_since_ms: Some(now_ms),
            failed_data_sets: 0,
        }
    }

    /// How far it is.
    pub fn stage(&self) -> Stage {
        match self.phase {
            Phase::Waiting(_) => Stage::Connect,
            Phase::Connecting => Stage::Connecting,
            Phase::Ping | Phase::Configure(_) | Phase::Psync => Stage::Handshake,
            Phase::Transfer(..) | Phase::Load | Phase::Fetch => Stage::Sync,
            Phase::Stream => Stage::Connected,
        }
    }

    /// Whether the data set is being loaded.
    pub fn is_loading(&self) -> bool {
        matches!(self.phase, Phase::Load)
    }

    /// When something came from the master last, Unix time in ms.
    pub fn last_received_ms(&self) -> u64 {
        self.last_received_ms
    }

    /// What to do about an event.
    pub fn handle(&mut self, event: Event<'_>, now_ms: u64) -> Vec<Action> {
        let mut actions = Vec::new();
        let result = match event {
            Event::Connected(settings, position) => self.connected(settings, position, now_ms, &mut actions),
            Event::Broken(why) => Err(why.to_string()),
            Event::Received(bytes) => {
                self.last_received_ms = now_ms;
                self.input.extend_from_slice(bytes);
                self.read(now_ms, &mut actions)
            }
            Event::Clock => self.clock(now_ms, &mut actions),
            Event::Loaded(result) => self.loaded(result, now_ms, &mut actions),
            Event::Applied(offset) => {
                self.applied = offset;
                Ok(())
            }
        };
        if let Err(why) = result {
            self.fail(why, now_ms, &mut actions);
        }
        actions
    }

    /// The offset is wanted now: REPLCONF GETACK, behind all that was told as applied.
    pub fn acknowledge(&mut self, now_ms: u64) -> Vec<Action> {
        if !matches!(self.phase, Phase::Stream) {
            return Vec::new();
        }
        self.last_ack_ms = now_ms;
        vec![Action::Send(command(&[b"REPLCONF", b"ACK", self.applied.to_string().as_bytes()]))]
    }

    fn fail(&mut self, why: String, now_ms: u64, actions: &mut Vec<Action>) {
        self.down_since_ms.get_or_insert(now_ms);
        self.last_error.clone_from(&why);
        self.input.clear();
        self.phase = Phase::Waiting(now_ms + self.patience_ms());
        actions.push(Action::Disconnect(why));
    }

    /// How long it waits before it connects again: longer after each data set that failed, as making one costs a master
    /// much.
    fn patience_ms(&self) -> u64 {
        let doublings = self.failed_data_sets.saturating_sub(1).min(8);
        (RETRY_MS << doublings).min(LONGEST_RETRY_MS)
    }

    fn connected(
        &mut self,
        settings: Settings,
        position: Option<Position>,
        now_ms: u64,
        actions: &mut Vec<Action>,
    ) -> Result<(), String> {
        if !matches!(self.phase, Phase::Connecting) {
            return Err("connected though nobody asked".into());
        }
        (self.settings, self.position) = (settings, position);
        self.input.clear();
        self.last_received_ms = now_ms;
        self.phase = Phase::Ping;
        actions.push(Action::Send(command(&[b"PING"])));
        Ok(())
    }

    fn clock(&mut self, now_ms: u64, actions: &mut Vec<Action>) -> Result<(), String> {
        if let Phase::Waiting(at_ms) = self.phase {
            if now_ms >= at_ms {
                self.phase = Phase::Connecting;
                self.last_received_ms = now_ms;
                actions.push(Action::Connect);
            }
            return Ok(());
        }
        let timeout_ms = self.settings.timeout_ms;
        if timeout_ms > 0 && now_ms.saturating_sub(self.last_received_ms) > timeout_ms {
            let what = match self.phase {
                Phase::Connecting => "connecting to the master",
                Phase::Transfer(..) | Phase::Fetch => "waiting for the data set",
                Phase::Stream | Phase::Load => "waiting for the stream",
                _ => "waiting for an answer of the master",
            };
            return Err(format!("timeout while {what}: nothing for {} s (repl-timeout)", timeout_ms / 1000));
        }
        if now_ms.saturating_sub(self.last_ack_ms) >= ACK_MS {
            match self.phase {
                Phase::Stream => actions.extend(self.acknowledge(now_ms)),
                // An offset means nothing yet, but the master shall see that somebody is here.
                Phase::Transfer(..) | Phase::Load | Phase::Fetch => {
                    self.last_ack_ms = now_ms;
                    actions.push(Action::Send(b"\n".to_vec()));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Reads what has come as far as it can be read.
    fn read(&mut self, now_ms: u64, actions: &mut Vec<Action>) -> Result<(), String> {
        loop {
            match &mut self.phase {
                Phase::Waiting(_) | Phase::Connecting => return Err("bytes of nobody".into()),
                Phase::Stream | Phase::Load => {
                    if self.input.is_empty() {
                        return Ok(());
                    }
                    let bytes = self.input.split().freeze();
                    let loads = matches!(self.phase, Phase::Load);
                    actions.push(if loads { Action::Spool(bytes) } else { Action::Stream(bytes) });
                    return Ok(());
                }
                Phase::Transfer(transfer, position) => {
                    let position = *position;
                    let before = actions.len();
                    let ended = transfer.read(&mut self.input, position, actions)?;
                    if ended {
                        self.phase = Phase::Load;
                        actions.push(Action::Load(position));
                    } else if actions.len() == before && !self.transfer_goes_on() {
                        return Ok(());
                    }
                }
                Phase::Ping | Phase::Configure(_) | Phase::Psync | Phase::Fetch => {
                    let Some(line) = self.line()? else { return Ok(()) };
                    if !line.is_empty() {
                        self.answer(&line, now_ms, actions)?;
                    }
                }
            }
        }
    }

    fn transfer_goes_on(&self) -> bool {
        matches!(&self.phase, Phase::Transfer(transfer, _) if transfer.can_read(&self.input))
    }

    /// The next line, without its end. Empty ones are signs of life.
    fn line(&mut self) -> Result<Option<Vec<u8>>, String> {
        let Some(end) = memchr::memchr(b'\n', &self.input) else {
            return if self.input.len() > LONGEST_LINE {
                Err("the master's answer is too long".into())
            } else {
                Ok(None)
            };
        };
        let line = self.input[..end].trim_ascii_end().to_vec();
        self.input.advance(end + 1);
        Ok(Some(line))
    }

    fn answer(&mut self, line: &[u8], now_ms: u64, actions: &mut Vec<Action>) -> Result<(), String> {
        let text = || String::from_utf8_lossy(line).into_owned();
        match &mut self.phase {
            Phase::Ping => {
                // A master that wants a password first says so, or says that nobody may: AUTH will tell.
                let waits = [&b"-NOAUTH"[..], b"-NOPERM", b"-ERR operation not permitted"];
                if !line.starts_with(b"+") && !waits.iter().any(|start| line.starts_with(start)) {
                    return Err(format!("the master answers PING with an error: {}", text()));
                }
                self.configure(actions);
            }
            Phase::Configure(awaited) => {
                let what = if awaited.is_empty() { "" } else { awaited.remove(0) };
                if line.starts_with(b"-") {
                    match what {
                        "AUTH" => {
                            return Err(format!(
                                "Unable to AUTH to MASTER: the master refuses masterauth: {}",
                                text()
                            ));
                        }
                        // Older masters do not know them all.
                        _ => {
                            actions.push(Action::Tell(format!("the master does not take {what}: {}", text())))
                        }
                    }
                }
                if awaited.is_empty() {
                    self.ask(actions);
                }
            }
            Phase::Psync => self.begin(line, now_ms, actions)?,
            Phase::Fetch => return Err(format!("the master gave up its full synchronisation: {}", text())),
            _ => {}
        }
        Ok(())
    }

    fn configure(&mut self, actions: &mut Vec<Action>) {
        let (mut out, mut awaited) = (Vec::new(), Vec::new());
        let Settings { user, password, announce_ip, port, .. } = &self.settings;
        let mut add = |name: &'static str, words: &[&[u8]]| {
            out.extend(command(words));
            awaited.push(name);
        };
        match (user.is_empty(), password.is_empty()) {
            (_, true) => {}
            (true, false) => add("AUTH", &[b"AUTH", password.as_bytes()]),
            (false, false) => add("AUTH", &[b"AUTH", user.as_bytes(), password.as_bytes()]),
        }
        let port = port.to_string();
        add("REPLCONF listening-port", &[b"REPLCONF", b"listening-port", port.as_bytes()]);
        if !announce_ip.is_empty() {
            add("REPLCONF ip-address", &[b"REPLCONF", b"ip-address", announce_ip.as_bytes()]);
        }
        let Settings { files, refetch, earlier, .. } = &self.settings;
        let earlier: Vec<String> = earlier.iter().filter(|_| *refetch).map(earlier_capability).collect();
        let known = [
            (true, &b"eof"[..]),
            (true, b"psync2"),
            (*files, FILES_CAPABILITY),
            (*refetch, REFETCH_CAPABILITY),
        ];
        let names = known.iter().filter(|(has, _)| *has).map(|(_, name)| *name);
        let names = names.chain(earlier.iter().map(String::as_bytes));
        let capabilities: Vec<&[u8]> =
            std::iter::once(&b"REPLCONF"[..]).chain(names.flat_map(|name| [&b"capa"[..], name])).collect();
        add("REPLCONF capa", &capabilities);
        self.phase = Phase::Configure(awaited);
        actions.push(Action::Send(out));
    }

    fn ask(&mut self, actions: &mut Vec<Action>) {
        // PSYNC names the first byte that is missing, which is one more than how many are there.
        let (id, offset) = match self.position {
            Some(Position { id, offset }) => (id.to_string(), (offset + 1).to_string()),
            None => ("?".to_string(), "-1".to_string()),
        };
        self.phase = Phase::Psync;
        actions.push(Action::Tell(match self.position {
            Some(_) => format!("asking the master to go on with history {id} at {offset}"),
            None => "asking the master for its whole data set".into(),
        }));
        let words: [&[u8]; 4] = [b"PSYNC", id.as_bytes(), offset.as_bytes(), b"FAILOVER"];
        let count = if self.settings.hands_over { 4 } else { 3 };
        actions.push(Action::Send(command(&words[..count])));
    }

    fn up(&mut self, now_ms: u64) {
        self.phase = Phase::Stream;
        self.down_since_ms = None;
        self.last_ack_ms = now_ms;
        self.last_error.clear();
    }

    fn loaded(
        &mut self,
        result: Result<(), &str>,
        now_ms: u64,
        actions: &mut Vec<Action>,
    ) -> Result<(), String> {
        if !self.is_loading() && !matches!(self.phase, Phase::Fetch) {
            return Ok(());
        }
        result.map_err(|why| {
            self.failed_data_sets = self.failed_data_sets.saturating_add(1);
            format!("the data set of the master cannot be loaded: {why}")
        })?;
        self.failed_data_sets = 0;
        if matches!(self.phase, Phase::Fetch) {
            // What is behind the checkpoint comes from the master's log, as after a broken link.
            self.phase = Phase::Waiting(now_ms);
            self.input.clear();
            actions.push(Action::Disconnect("the data set is in its place; the log has what follows".into()));
            return Ok(());
        }
        self.up(now_ms);
        actions.extend(self.acknowledge(now_ms));
        Ok(())
    }
}

/// A command in RESP.
fn command(words: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    write_command(&mut out, words.iter().copied());
    out
}

#[cfg(test)]
mod tests;
