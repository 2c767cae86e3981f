//! Connections to other servers, kept for some seconds after their use, as Redis keeps them.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use pika_core::config::options;
use pika_core::number::Decimal;
use pika_core::server::{Credentials, Migration};
use rustls::{ClientConnection, StreamOwned};

use super::keys::request;
use crate::state::{State, lock};
use crate::tls::session::server_name;

/// How long a connection is kept that nobody uses.
const KEPT: Duration = Duration::from_secs(10);
/// How many are kept, at most.
const MOST: usize = 64;
/// The longest line that is read of an answer; bytes.
const LONGEST_LINE: usize = 16 * 1024;

/// Why a request was not answered.
#[derive(Debug)]
pub(super) enum Failure {
    /// There is no connection.
    Connecting,
    /// It broke, or took too long, while a request was written.
    Writing(ErrorKind),
    /// It broke, or took too long, before the answer.
    Reading(ErrorKind),
    /// The other server refused the user or the database.
    Refused(Vec<u8>),
}

/// What a request was answered.
#[derive(Debug)]
pub(super) enum Answer {
    /// It was done.
    Done,
    /// This error.
    Refused(Vec<u8>),
}

/// A socket, encrypted or not.
#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    /// Encrypted if `tls-cluster` says so, as in Redis; the time limits of the socket bound the handshake.
    fn new(socket: TcpStream, state: &State, host: &str) -> Result<Stream, Failure> {
        if !state.config().get(options::TLS_CLUSTER) {
            return Ok(Stream::Plain(socket));
        }
        let settings = state.tls.contexts().and_then(|contexts| contexts.client().ok());
        let settings = settings.ok_or(Failure::Connecting)?;
        let connection =
            ClientConnection::new(settings, server_name(host)).map_err(|_| Failure::Connecting)?;
        let mut stream = StreamOwned::new(connection, socket);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock).map_err(|_| Failure::Connecting)?;
        }
        Ok(Stream::Tls(Box::new(stream)))
    }

    fn socket(&self) -> &TcpStream {
        match self {
            Stream::Plain(socket) => socket,
            Stream::Tls(stream) => &stream.sock,
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match self {
            Stream::Plain(socket) => socket.write_all(bytes),
            Stream::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
    }

    fn read(&mut self, part: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Stream::Plain(socket) => socket.read(part),
            Stream::Tls(stream) => stream.read(part),
        }
    }
}

/// A connection.
#[derive(Debug)]
pub(super) struct Link {
    stream: Stream,
    /// What was read and is not an answer yet.
    input: Vec<u8>,
    timeout: Duration,
    authenticated: bool,
    /// The database that is selected there, if that is known.
    database: Option<i64>,
}

impl Link {
    pub(super) fn connect(state: &State, migration: &Migration) -> Result<Link, Failure> {
        let host = std::str::from_utf8(&migration.host).map_err(|_| Failure::Connecting)?;
        let addresses = (host, migration.port).to_socket_addrs().map_err(|_| Failure::Connecting)?;
        let mut failure = Failure::Connecting;
        for address in addresses {
            match TcpStream::connect_timeout(&address, migration.timeout) {
                Ok(stream) => {
                    let _ = stream.set_nodelay(true);
                    let _ = stream.set_write_timeout(Some(migration.timeout));
                    let _ = stream.set_read_timeout(Some(migration.timeout));
                    let stream = Stream::new(stream, state, host)?;
                    let (timeout, input) = (migration.timeout, Vec::new());
                    return Ok(Link { stream, input, timeout, authenticated: false, database: None });
                }
                Err(error) if super::is_timeout(error.kind()) => failure = Failure::Connecting,
                // Redis notices a refused connection when it writes the first time.
                Err(error) => failure = Failure::Writing(error.kind()),
            }
        }
        Err(failure)
    }

    /// Authenticates and selects the database, if that is not done.
    pub(super) fn begin(&mut self, migration: &Migration) -> Result<(), Failure> {
        if self.timeout != migration.timeout {
            self.timeout = migration.timeout;
            let _ = self.stream.socket().set_write_timeout(Some(self.timeout));
        }
        if let Some(Credentials { user, password }) = &migration.credentials
            && !self.authenticated
        {
            let user = user.as_ref().map(Vec::as_slice);
            let words: Vec<&[u8]> = [&b"AUTH"[..]].into_iter().chain(user).chain([&password[..]]).collect();
            self.demand(&request(&words))?;
            self.authenticated = true;
        }
        if self.database != Some(migration.database) {
            self.database = None;
            self.demand(&request(&[b"SELECT", Decimal::new(migration.database).as_bytes()]))?;
            self.database = Some(migration.database);
        }
        Ok(())
    }

    fn demand(&mut self, request: &[u8]) -> Result<(), Failure> {
        self.write(request)?;
        match self.answer()? {
            Answer::Done => Ok(()),
            Answer::Refused(text) => Err(Failure::Refused(text)),
        }
    }

    /// Writes a request. Its parts may each take the timeout, as in Redis.
    pub(super) fn write(&mut self, request: &[u8]) -> Result<(), Failure> {
        self.stream.write_all(request).map_err(|error| Failure::Writing(error.kind()))
    }

    /// Reads an answer of one line.
    pub(super) fn answer(&mut self) -> Result<Answer, Failure> {
        let until = Instant::now() + self.timeout;
        let end = loop {
            if let Some(end) = self.input.iter().position(|&byte| byte == b'\n') {
                break end;
            }
            self.read_more(until)?;
        };
        let line: Vec<u8> = self.input.drain(..=end).collect();
        let line = line.trim_ascii_end();
        match line.split_first() {
            Some((b'+' | b':', _)) => Ok(Answer::Done),
            Some((b'-', text)) => Ok(Answer::Refused(text.to_vec())),
            // Whoever speaks so has not taken the key.
            _ => Err(Failure::Reading(ErrorKind::InvalidData)),
        }
    }

    fn read_more(&mut self, until: Instant) -> Result<(), Failure> {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Failure::Reading(ErrorKind::TimedOut));
        }
        if self.input.len() > LONGEST_LINE {
            return Err(Failure::Reading(ErrorKind::InvalidData));
        }
        let mut part = [0; 4096];
        let limited = self.stream.socket().set_read_timeout(Some(left));
        let read = limited.and_then(|()| self.stream.read(&mut part));
        match read {
            Ok(0) => Err(Failure::Reading(ErrorKind::UnexpectedEof)),
            Ok(count) => {
                self.input.extend_from_slice(&part[..count]);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(Failure::Reading(error.kind())),
        }
    }
}

/// Where a connection leads, and as whom: nobody uses one that another user authenticated.
type Target = (Vec<u8>, u16, Option<Credentials>);

/// The connections that wait for their next use. Each is used by one command at a time.
#[derive(Debug, Default)]
pub struct Links {
    kept: Mutex<HashMap<Target, Vec<(Instant, Link)>>>,
}

impl Links {
    /// A connection for a migration, if one is kept.
    pub(super) fn take(&self, migration: &Migration) -> Option<Link> {
        let target = target_of(migration);
        let mut kept = lock(&self.kept);
        let links = kept.get_mut(&target)?;
        let (_, mut link) = links.pop()?;
        // The password may have changed there.
        link.authenticated = false;
        if links.is_empty() {
            kept.remove(&target);
        }
        Some(link)
    }

    /// Keeps a connection. One with a rest of an answer is of no use.
    pub(super) fn put(&self, migration: &Migration, link: Link) {
        let mut kept = lock(&self.kept);
        if link.input.is_empty() && kept.values().map(Vec::len).sum::<usize>() < MOST {
            kept.entry(target_of(migration)).or_default().push((Instant::now(), link));
        }
    }

    /// Closes all: they were made by other settings.
    pub fn clear(&self) {
        lock(&self.kept).clear();
    }

    /// How many are kept.
    pub fn count(&self) -> u64 {
        lock(&self.kept).values().map(|links| links.len() as u64).sum()
    }

    /// Closes those that nobody used for long.
    pub fn sweep(&self) {
        lock(&self.kept).retain(|_, links| {
            links.retain(|(since, _)| since.elapsed() < KEPT);
            !links.is_empty()
        });
    }
}

fn target_of(migration: &Migration) -> Target {
    (migration.host.clone(), migration.port, migration.credentials.clone())
}
