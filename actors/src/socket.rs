//! A client's socket: TCP, with or without TLS, or Unix, in two halves.

use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::net::{TcpStream, UnixStream, tcp, unix};
use tokio_util::io::poll_read_buf;

use crate::tls::session::{Half, Session};

/// A socket that was accepted, on its way to the arbiter that will own it.
#[derive(Debug)]
pub enum Accepted {
    /// TCP.
    Tcp(std::net::TcpStream),
    /// Unix.
    Unix(std::os::unix::net::UnixStream),
    /// TCP with TLS, after the handshake.
    Tls(std::net::TcpStream, Arc<Session>),
}

/// The half that is read.
#[derive(Debug)]
pub enum ReadHalf {
    /// TCP.
    Tcp(tcp::OwnedReadHalf),
    /// Unix.
    Unix(unix::OwnedReadHalf),
    /// TCP with TLS.
    Tls(Half),
}

/// The half that is written.
#[derive(Debug)]
pub enum WriteHalf {
    /// TCP.
    Tcp(tcp::OwnedWriteHalf),
    /// Unix.
    Unix(unix::OwnedWriteHalf),
    /// TCP with TLS.
    Tls(Half),
}

impl Accepted {
    /// Makes it a socket of this thread's runtime. Also its file descriptor's number.
    pub fn split(self) -> io::Result<(ReadHalf, WriteHalf, i64)> {
        match self {
            Accepted::Tcp(stream) => {
                let stream = TcpStream::from_std(stream)?;
                let fd = i64::from(stream.as_raw_fd());
                let (read, write) = stream.into_split();
                Ok((ReadHalf::Tcp(read), WriteHalf::Tcp(write), fd))
            }
            Accepted::Unix(stream) => {
                let stream = UnixStream::from_std(stream)?;
                let fd = i64::from(stream.as_raw_fd());
                let (read, write) = stream.into_split();
                Ok((ReadHalf::Unix(read), WriteHalf::Unix(write), fd))
            }
            Accepted::Tls(stream, session) => {
                let half = Half::from_parts(stream, session)?;
                let fd = i64::from(half.stream().as_raw_fd());
                Ok((ReadHalf::Tls(half.clone()), WriteHalf::Tls(half), fd))
            }
        }
    }
}

impl ReadHalf {
    /// Reads what is there into the free room of `buffer`.
    pub fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        match self {
            ReadHalf::Tcp(half) => poll_read_buf(Pin::new(half), cx, buffer),
            ReadHalf::Unix(half) => poll_read_buf(Pin::new(half), cx, buffer),
            ReadHalf::Tls(half) => half.poll_read(cx, buffer),
        }
    }

    /// Waits for something to read, and reads it into the free room of `buffer`. 0 at the end.
    pub async fn read(&mut self, buffer: &mut BytesMut) -> io::Result<usize> {
        poll_fn(|cx| self.poll_read(cx, buffer)).await
    }
}

impl WriteHalf {
    /// The same socket once more, for another thread's runtime. It stays open until both are closed.
    pub fn duplicate(&self) -> io::Result<Accepted> {
        Ok(match self {
            WriteHalf::Tcp(half) => Accepted::Tcp(half.as_ref().as_fd().try_clone_to_owned()?.into()),
            WriteHalf::Unix(half) => Accepted::Unix(half.as_ref().as_fd().try_clone_to_owned()?.into()),
            WriteHalf::Tls(half) => {
                let (stream, session) = half.duplicate()?;
                Accepted::Tls(stream, session)
            }
        })
    }

    /// Writes as much as the socket takes now. With TLS some of that may wait: see [`WriteHalf::is_pending`].
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            WriteHalf::Tcp(half) => half.try_write(bytes),
            WriteHalf::Unix(half) => half.try_write(bytes),
            WriteHalf::Tls(half) => half.try_write(bytes),
        }
    }

    /// Whether something that was taken has not reached the socket; [`WriteHalf::writable`] brings it there.
    pub fn is_pending(&self) -> bool {
        match self {
            WriteHalf::Tcp(_) | WriteHalf::Unix(_) => false,
            WriteHalf::Tls(half) => half.is_pending(),
        }
    }

    /// Writes all of it, and waits until the socket has it.
    pub async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() || self.is_pending() {
            self.writable().await?;
            match self.try_write(bytes) {
                Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Says to the other side that nothing more comes, where the protocol has a word for that.
    pub fn end(&self) {
        if let WriteHalf::Tls(half) = self {
            half.end();
        }
    }

    /// Waits until it takes more.
    pub async fn writable(&self) -> io::Result<()> {
        match self {
            WriteHalf::Tcp(half) => half.writable().await,
            WriteHalf::Unix(half) => half.writable().await,
            WriteHalf::Tls(half) => half.writable().await,
        }
    }
}
