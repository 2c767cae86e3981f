//! A client's socket: TCP or Unix, in two halves.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::net::{TcpStream, UnixStream, tcp, unix};
use tokio_util::io::poll_read_buf;

/// A socket that was accepted, on its way to the arbiter that will own it.
#[derive(Debug)]
pub enum Accepted {
    /// TCP.
    Tcp(std::net::TcpStream),
    /// Unix.
    Unix(std::os::unix::net::UnixStream),
}

/// The half that is read.
#[derive(Debug)]
pub enum ReadHalf {
    /// TCP.
    Tcp(tcp::OwnedReadHalf),
    /// Unix.
    Unix(unix::OwnedReadHalf),
}

/// The half that is written.
#[derive(Debug)]
pub enum WriteHalf {
    /// TCP.
    Tcp(tcp::OwnedWriteHalf),
    /// Unix.
    Unix(unix::OwnedWriteHalf),
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
        }
    }
}

impl ReadHalf {
    /// Reads what is there into the free room of `buffer`.
    pub fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        match self {
            ReadHalf::Tcp(half) => poll_read_buf(Pin::new(half), cx, buffer),
            ReadHalf::Unix(half) => poll_read_buf(Pin::new(half), cx, buffer),
        }
    }
}

impl WriteHalf {
    /// The same socket once more, for another thread's runtime. It stays open until both are closed.
    pub fn duplicate(&self) -> io::Result<Accepted> {
        Ok(match self {
            WriteHalf::Tcp(half) => Accepted::Tcp(half.as_ref().as_fd().try_clone_to_owned()?.into()),
            WriteHalf::Unix(half) => Accepted::Unix(half.as_ref().as_fd().try_clone_to_owned()?.into()),
        })
    }

    /// Writes as much as the socket takes now.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            WriteHalf::Tcp(half) => half.try_write(bytes),
            WriteHalf::Unix(half) => half.try_write(bytes),
        }
    }

    /// Waits until it takes more.
    pub async fn writable(&self) -> io::Result<()> {
        match self {
            WriteHalf::Tcp(half) => half.writable().await,
            WriteHalf::Unix(half) => half.writable().await,
        }
    }
}
