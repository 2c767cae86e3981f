//! What one client is to the server: who, where, in which protocol.

use crate::resp::Protocol;

/// The state of one client's connection that commands can see and change.
#[derive(Debug, Clone)]
pub struct Session {
    /// CLIENT ID; never used twice.
    pub id: u64,
    /// The selected database.
    pub database: usize,
    /// RESP2, or RESP3 after HELLO 3.
    pub protocol: Protocol,
    /// Whether the client may run commands that need a password.
    pub authenticated: bool,
    /// The user it is authenticated as.
    pub user: String,
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
    /// Its last command, as CLIENT LIST shows it.
    pub last_command: Option<(&'static str, Option<&'static str>)>,
    /// CLIENT REPLY.
    pub replies: Replies,
    /// CLIENT NO-EVICT.
    pub no_evict: bool,
    /// CLIENT NO-TOUCH.
    pub no_touch: bool,
    /// The connection ends when what was answered so far has been sent.
    pub closing: bool,
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
            user: "default".into(),
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
            closing: false,
        }
    }
}
