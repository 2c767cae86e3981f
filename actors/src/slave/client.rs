//! A connection to another server, for a thread that may wait: requests, and answers in RESP2.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use pika_core::keyspace::transaction::write_command;
use pika_core::replication::slave::Settings;

/// The longest line of an answer, bytes.
const LONGEST_LINE: u64 = 64 * 1024;
/// The longest bulk string that is taken, bytes.
const LONGEST_BULK: u64 = 1 << 30;

/// What a request is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A status.
    Simple(String),
    /// An error's text.
    Error(String),
    /// A number.
    Integer(i64),
    /// Bytes; `None`: nothing.
    Bulk(Option<Vec<u8>>),
    /// Several.
    Array(Vec<Answer>),
}

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Client {
    reader: BufReader<TcpStream>,
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_string())
}

impl Client {
    /// Connects, and logs in as `settings` say. Each step may take `patience`.
    ///
    /// # Errors
    /// There is no connection, or the user is refused.
    pub(crate) fn connect(host: &str, port: u16, settings: &Settings) -> io::Result<Client> {
        let patience = Duration::from_millis(settings.timeout_ms.max(1000));
        let mut failure = invalid("the host has no address");
        for address in (host, port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, patience) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    stream.set_read_timeout(Some(patience))?;
                    stream.set_write_timeout(Some(patience))?;
                    let mut client = Client { reader: BufReader::with_capacity(1 << 16, stream) };
                    client.log_in(settings)?;
                    return Ok(client);
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    fn log_in(&mut self, settings: &Settings) -> io::Result<()> {
        let (user, password) = (settings.user.as_bytes(), settings.password.as_bytes());
        if password.is_empty() {
            return Ok(());
        }
        let answer = match user.is_empty() {
            true => self.call(&[b"AUTH", password])?,
            false => self.call(&[b"AUTH", user, password])?,
        };
        match answer {
            Answer::Error(text) => Err(io::Error::new(io::ErrorKind::PermissionDenied, text)),
            _ => Ok(()),
        }
    }

    /// Its socket: whoever shuts that down ends what waits here.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn socket(&self) -> io::Result<TcpStream> {
        self.reader.get_ref().try_clone()
    }

    /// Sends a request.
    ///
    /// # Errors
    /// The connection's.
    pub(crate) fn send(&mut self, words: &[&[u8]]) -> io::Result<()> {
        let mut request = Vec::new();
        write_command(&mut request, words.iter().copied());
        self.reader.get_mut().write_all(&request)
    }

    /// Sends a request, and reads its answer.
    ///
    /// # Errors
    /// The connection's, or what comes is no RESP2.
    pub(crate) fn call(&mut self, words: &[&[u8]]) -> io::Result<Answer> {
        self.send(words)?;
        self.answer()
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub(crate) fn answer(&mut self) -> io::Result<Answer> {
        let mut line = Vec::new();
        let count = self.reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let text = String::from_utf8_lossy(line.trim_ascii_end()).into_owned();
        let (kind, rest) = text.split_at_checked(1).ok_or_else(|| invalid("an empty line"))?;
        let number = || rest.parse::<i64>().map_err(|_| invalid("an answer without a number"));
        Ok(match kind {
            "+" => Answer::Simple(rest.into()),
            "-" => Answer::Error(rest.into()),
            ":" => Answer::Integer(number()?),
            "$" => match u64::try_from(number()?) {
                Err(_) => Answer::Bulk(None),
                Ok(length) if length > LONGEST_BULK => return Err(invalid("an answer that is too long")),
                Ok(length) => {
                    let mut bytes = Vec::new();
                    self.reader.by_ref().take(length + 2).read_to_end(&mut bytes)?;
                    if bytes.len() as u64 != length + 2 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    bytes.truncate(bytes.len() - 2);
                    Answer::Bulk(Some(bytes))
                }
            },
            "*" if rest == "-1" => Answer::Bulk(None),
            "*" => {
                let count = number()?.max(0);
                Answer::Array((0..count).map(|_| self.answer()).collect::<io::Result<_>>()?)
            }
            _ => return Err(invalid("an answer that is no RESP2")),
        })
    }
}
