//! An encrypted connection over a TCP socket, whose two directions may be used by two threads: a client that became a
//! slave is read by its connection, and written to by its link.
//!
//! rustls has no socket: bytes are carried to and from it here, without waiting. One lock keeps the two directions
//! apart; it is held for the work on one read or one write.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, BufRead, ErrorKind, IoSlice, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use rustls::pki_types::{IpAddr, Ipv4Addr, ServerName};
use rustls::{ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection};
use tokio::net::TcpStream;

use crate::state::lock;

/// How long a client may take for its handshake.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes that are read from a socket at once, at most.
const READ_BYTES: usize = 64 * 1024;
/// And during the handshake: what is decrypted then is kept by rustls, which keeps no more than 16 KB.
const HANDSHAKE_BYTES: usize = 4096;

thread_local! {
    /// Where encrypted bytes stand between the socket and rustls.
    static ARRIVED: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// The state of the encryption.
#[derive(Debug)]
pub struct Session {
    connection: Mutex<Connection>,
}

/// A connection on one thread's runtime.
#[derive(Debug, Clone)]
pub struct Half {
    stream: Arc<TcpStream>,
    session: Arc<Session>,
}

/// Writes to a socket without waiting.
struct Socket<'a>(&'a TcpStream);

impl Write for Socket<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(parts)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The name that a server is asked for. One that is no name is not told, since it is not compared either.
pub fn server_name(host: &str) -> ServerName<'static> {
    ServerName::try_from(host.to_string())
        .unwrap_or(ServerName::IpAddress(IpAddr::V4(Ipv4Addr::from([127, 0, 0, 1]))))
}

/// Encrypted bytes that are ready, to the socket, as far as it takes them.
fn push(connection: &mut Connection, stream: &TcpStream) -> io::Result<()> {
    while connection.wants_write() {
        if connection.write_tls(&mut Socket(stream))? == 0 {
            return Err(ErrorKind::WriteZero.into());
        }
    }
    Ok(())
}

/// Whether what came is no TLS: whoever sent it would take an alert for something else.
fn is_no_tls(error: &rustls::Error) -> bool {
    use rustls::InvalidMessage::{InvalidContentType, UnknownProtocolVersion};
    matches!(error, rustls::Error::InvalidMessage(InvalidContentType | UnknownProtocolVersion))
}

/// What is decrypted, into `buffer`. False when the other side has ended the connection.
fn take(connection: &mut Connection, buffer: &mut BytesMut) -> io::Result<bool> {
    let mut reader = connection.reader();
    loop {
        match reader.fill_buf() {
            Ok([]) => return Ok(false),
            Ok(chunk) => {
                buffer.extend_from_slice(chunk);
                let count = chunk.len();
                reader.consume(count);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
            // It went without saying so.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}

/// Reads the socket once. What is decrypted goes into `buffer`, or stays in the connection. False at the end.
fn pull(
    connection: &mut Connection,
    stream: &TcpStream,
    limit: usize,
    mut buffer: Option<&mut BytesMut>,
) -> io::Result<bool> {
    ARRIVED.with_borrow_mut(|arrived| {
        let count = stream.try_read(&mut arrived[..limit])?;
        if count == 0 {
            return Ok(false);
        }
        let mut rest = &arrived[..count];
        while !rest.is_empty() {
            let taken = connection.read_tls(&mut rest)?;
            if let Err(error) = connection.process_new_packets() {
                // The other side is told what was wrong, if it speaks TLS at all.
                if !is_no_tls(&error) {
                    let _ = push(connection, stream);
                }
                return Err(io::Error::new(ErrorKind::InvalidData, error));
            }
            if taken == 0 {
                // After its end nothing more counts.
                return Ok(false);
            }
            if let Some(buffer) = buffer.as_deref_mut()
                && !take(connection, buffer)?
            {
                return Ok(false);
            }
        }
        Ok(true)
    })
}

impl Half {
    /// A connection that a client made; its handshake is to come.
    pub fn of_server(stream: TcpStream, config: Arc<ServerConfig>) -> io::Result<Half> {
        let connection = ServerConnection::new(config).map_err(io::Error::other)?;
        Ok(Half::new(stream, connection.into()))
    }

    /// A connection to another server; its handshake is to come.
    pub fn of_client(stream: TcpStream, config: Arc<ClientConfig>, host: &str) -> io::Result<Half> {
        let connection = ClientConnection::new(config, server_name(host)).map_err(io::Error::other)?;
        Ok(Half::new(stream, connection.into()))
    }

    fn new(stream: TcpStream, connection: Connection) -> Half {
        Half { stream: Arc::new(stream), session: Arc::new(Session { connection: Mutex::new(connection) }) }
    }

    /// A connection whose socket comes from another thread.
    pub fn from_parts(stream: std::net::TcpStream, session: Arc<Session>) -> io::Result<Half> {
        Ok(Half { stream: Arc::new(TcpStream::from_std(stream)?), session })
    }

    /// The parts of it, for another thread: a second descriptor of the socket, and the session.
    pub fn duplicate(&self) -> io::Result<(std::net::TcpStream, Arc<Session>)> {
        Ok((self.stream.as_fd().try_clone_to_owned()?.into(), self.session.clone()))
    }

    /// The socket.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Agrees on keys. The caller bounds its time.
    pub async fn handshake(&self) -> io::Result<()> {
        poll_fn(|cx| self.poll_handshake(cx)).await
    }

    fn poll_handshake(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut connection = lock(&self.session.connection);
        loop {
            match push(&mut connection, &self.stream) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    ready!(self.stream.poll_write_ready(cx))?;
                    continue;
                }
                pushed => pushed?,
            }
            if !connection.is_handshaking() {
                return Poll::Ready(Ok(()));
            }
            ready!(self.stream.poll_read_ready(cx))?;
            match pull(&mut connection, &self.stream, HANDSHAKE_BYTES, None) {
                Ok(true) => {}
                Ok(false) => return Poll::Ready(Err(ErrorKind::UnexpectedEof.into())),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Reads and decrypts what is there, into `buffer`; about as much as there is room for. 0 at the end.
    pub fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        let before = buffer.len();
        let limit = (buffer.capacity() - before).clamp(HANDSHAKE_BYTES, READ_BYTES);
        let mut connection = lock(&self.session.connection);
        // What came with the last of the handshake is there already.
        let mut open = take(&mut connection, buffer)?;
        loop {
            if buffer.len() > before || !open {
                return Poll::Ready(Ok(buffer.len() - before));
            }
            // The protocol may have to answer (new keys, for one).
            while connection.wants_write() {
                match push(&mut connection, &self.stream) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        if self.stream.poll_write_ready(cx)?.is_pending() {
                            break;
                        }
                    }
                    pushed => pushed?,
                }
            }
            ready!(self.stream.poll_read_ready(cx))?;
            match pull(&mut connection, &self.stream, limit, Some(buffer)) {
                Ok(more) => open = more,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Encrypts and writes as much as is taken now. Some of it may stay here: see [`Half::is_pending`].
    ///
    /// # Errors
    /// `WouldBlock` if nothing was taken, and those of the socket.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut connection = lock(&self.session.connection);
        push(&mut connection, &self.stream)?;
        let mut done = 0;
        while done < bytes.len() {
            // Bounded: rustls keeps some 64 KB.
            done += connection.writer().write(&bytes[done..])?;
            match push(&mut connection, &self.stream) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                pushed => pushed?,
            }
        }
        Ok(done)
    }

    /// Whether something was encrypted that the socket did not take yet. [`Half::writable`] writes it.
    pub fn is_pending(&self) -> bool {
        lock(&self.session.connection).wants_write()
    }

    /// Waits until all that was encrypted is written, and more is taken.
    pub async fn writable(&self) -> io::Result<()> {
        loop {
            self.stream.writable().await?;
            match push(&mut lock(&self.session.connection), &self.stream) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                pushed => return pushed,
            }
        }
    }

    /// Says that nothing more comes, if the socket takes that.
    pub fn end(&self) {
        let mut connection = lock(&self.session.connection);
        connection.send_close_notify();
        let _ = push(&mut connection, &self.stream);
    }
}
