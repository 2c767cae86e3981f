//! What one client is to the server: who, where, in which protocol.

use std::sync::{Arc, LazyLock};

use crate::acl::User;
use crate::pubsub::Counts;
use crate::replication::handshake::{Announced, Request};
use crate::replication::master::Wait;
use crate::resp::Protocol;
use crate::tracking::Tracking;

/// The state of one client's connection that commands can see and change.
#[derive(Debug, Clone)]
pub struct Session {
    /// CLIENT ID; never used twice.
    pub id: u64,
    /// The selected database.
    pub database: usize,
    /// RESP2, or RESP3 after HELLO 3.
    pub protocol: Protocol,
    /// Whether it has logged in, or did not need to when it came.
    pub authenticated: bool,
    /// Who it is: `default`, until it logs in.
    pub user: Arc<User>,
    /// CLIENT SETNAME.
    pub name: Vec<u8>,
    /// CLIENT SETINFO LIB-NAME.
    pub library_name: Vec<u8>,
    /// CLIENT SETINFO LIB-VER.
    pub library_version: Vec<u8>,
    /// Address of the client, `ip:port` or the socket's path.
    pub address: String,
    /// Address that it connected to.
    pub local_address: String,
    /// When it connected, Unix time in ms.
    pub connected_ms: u64,
    /// When it last sent a command, Unix time in ms.
    pub active_ms: u64,
    /// Its last command, as CLIENT LIST shows it: [`crate::commands::table::Entry::full_name`].
    pub last_command: Option<&'static str>,
    /// CLIENT REPLY.
    pub replies: Replies,
    /// CLIENT NO-EVICT.
    pub no_evict: bool,
    /// CLIENT NO-TOUCH.
    pub no_touch: bool,
    /// How much it is subscribed to.
    pub subscriptions: Counts,
    /// MONITOR.
    pub monitors: bool,
    /// CLIENT TRACKING.
    pub tracking: Option<Tracking>,
    /// What its last command answered are messages, which are sent whatever CLIENT REPLY says.
    pub pushed: bool,
    /// How often RESET was called: what the connection keeps beside its session is forgotten then.
    pub resets: u64,
    /// What a slave said of itself with REPLCONF.
    pub announced: Announced,
    /// It is a slave's: PSYNC or SYNC was accepted.
    pub is_replica: bool,
    /// What it asked for, until the connection has taken note of it.
    pub replicates: Option<Request>,
    /// What it waits for (WAIT, WAITAOF), until the connection has taken note of it.
    pub waits: Option<Wait>,
    /// An offset of the log that all its writes are before.
    pub written: u64,
    /// The connection ends when what was answered so far has been sent.
    pub closing: bool,
}

/// Who a session is before anyone says so.
static UNLIMITED: LazyLock<Arc<User>> = LazyLock::new(|| Arc::new(User::unlimited(0)));

/// The kinds of clients that CLIENT LIST and CLIENT KILL tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientType {
    /// Any other.
    Normal,
    /// The link to our master.
    Master,
    /// A slave of ours.
    Replica,
    /// A subscriber.
    Pubsub,
}

impl ClientType {
    /// The type of a name, in any case.
    pub fn parse(name: &[u8]) -> Option<ClientType> {
        let named = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        match () {
            () if named("normal") => Some(ClientType::Normal),
            () if named("master") => Some(ClientType::Master),
            () if named("replica") || named("slave") => Some(ClientType::Replica),
            () if named("pubsub") => Some(ClientType::Pubsub),
            () => None,
        }
    }
}

/// What CLIENT REPLY asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replies {
    /// All are sent.
    On,
    /// None is.
    Off,
    /// The next one is not (set by CLIENT REPLY SKIP itself, which is not answered either).
    SkipNext,
    /// This one is not.
    Skip,
}

impl Session {
    /// A new client.
    pub fn new(id: u64, now_ms: u64) -> Session {
        Session {
            id,
            database: 0,
            protocol: Protocol::Resp2,
            authenticated: true,
            user: UNLIMITED.clone(),
            name: Vec::new(),
            library_name: Vec::new(),
            library_version: Vec::new(),
            address: String::new(),
            local_address: String::new(),
            connected_ms: now_ms,
            active_ms: now_ms,
            last_command: None,
            replies: Replies::On,
            no_evict: false,
            no_touch: false,
            subscriptions: Counts::default(),
            monitors: false,
            tracking: None,
            pushed: false,
            resets: 0,
            announced: Announced::default(),
            is_replica: false,
            replicates: None,
            waits: None,
            written: 0,
            closing: false,
        }
    }

    /// What kind of client it is.
    pub fn kind(&self) -> ClientType {
        match () {
            () if self.is_replica => ClientType::Replica,
            () if self.subscriptions.is_empty() => ClientType::Normal,
            () => ClientType::Pubsub,
        }
    }

    /// Whether it may run only what is about its subscriptions: RESP2 cannot tell their messages from replies.
    pub fn only_subscribes(&self) -> bool {
        self.protocol == Protocol::Resp2 && !self.subscriptions.is_empty()
    }

    /// Whether the client is of this machine: over loopback or a Unix socket.
    pub fn is_local(&self) -> bool {
        match self.address.parse::<std::net::SocketAddr>() {
            Ok(address) => address.ip().to_canonical().is_loopback(),
            Err(_) => true,
        }
    }

    /// CLIENT REPLY: whether the reply of the command that just ran is sent; called once after each command.
    pub fn take_reply_permit(&mut self) -> bool {
        match self.replies {
            Replies::On => true,
            Replies::Off => false,
            Replies::SkipNext => {
                self.replies = Replies::Skip;
                false
            }
            Replies::Skip => {
                self.replies = Replies::On;
                false
            }
        }
    }

    /// It is this user from now on, `default`, unless and until it logs in.
    pub fn begin_as(&mut self, default: &Arc<User>) {
        self.authenticated = default.lets_everyone_in();
        self.user = default.clone();
    }

    /// It has logged in.
    pub fn log_in(&mut self, user: &Arc<User>) {
        self.authenticated = true;
        self.user = user.clone();
    }

    /// RESET: as after connecting, but for what the server knows of the connection itself. `default` is the user of who
    /// has not logged in.
    pub fn reset(&mut self, default: &Arc<User>) {
        let fresh = Session::new(self.id, self.connected_ms);
        *self = Session {
            authenticated: default.lets_everyone_in(),
            user: default.clone(),
            address: std::mem::take(&mut self.address),
            local_address: std::mem::take(&mut self.local_address),
            library_name: std::mem::take(&mut self.library_name),
            library_version: std::mem::take(&mut self.library_version),
            active_ms: self.active_ms,
            last_command: self.last_command,
            no_evict: self.no_evict,
            written: self.written,
            resets: self.resets + 1,
            closing: self.closing,
            ..fresh
        };
    }
}
