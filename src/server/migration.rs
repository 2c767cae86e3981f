//! What MIGRATE asks of the server.

use std::fmt;
use std::time::Duration;

/// Keys to be moved or copied to another server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// Name or address of the other server.
    pub host: Vec<u8>,
    /// Its port; 0 stands for none that could be.
    pub port: u16,
    /// Its database, by whatever number the client gave.
    pub database: i64,
    /// How long each step there may take: to connect, to write, to answer.
    pub timeout: Duration,
    /// The keys stay here.
    pub copy: bool,
    /// Keys that are there are replaced.
    pub replace: bool,
    /// How to authenticate there.
    pub credentials: Option<Credentials>,
    /// The keys; there may be none.
    pub keys: Vec<Vec<u8>>,
}

/// What AUTH is given.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Credentials {
    /// The user, if one is named.
    pub user: Option<Vec<u8>>,
    /// The password.
    pub password: Vec<u8>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never into a log.
        formatter.write_str("Credentials")
    }
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// Those of the keys that exist are there.
    Some,
    /// None of the keys exists.
    Nothing,
}
