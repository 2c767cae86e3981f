//! How a slave gets its connection to the master.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use pika_core::config::options;
use tokio::net::{TcpSocket, TcpStream};

use crate::socket::{Accepted, ReadHalf, WriteHalf};
use crate::state::State;
use crate::tls::session::Half;

/// A connection to a master, encrypted if `tls-replication` says so.
pub(super) async fn connect(state: &State, host: &str, port: u16) -> std::io::Result<(ReadHalf, WriteHalf)> {
    let config = state.config();
    let stream = open(config.get(options::BIND_SOURCE_ADDR), host, port).await?;
    let _ = stream.set_nodelay(true);
    let accepted = if config.get(options::TLS_REPLICATION) {
        let contexts = state.tls.contexts().ok_or_else(|| std::io::Error::other("TLS is not configured"))?;
        let settings = contexts.client().map_err(std::io::Error::other)?;
        let half = Half::of_client(stream, settings, host)?;
        let patience = Duration::from_secs(u64::from(config.get(options::REPL_TIMEOUT)));
        tokio::time::timeout(patience, half.handshake()).await??;
        let (stream, session) = half.duplicate()?;
        Accepted::Tls(stream, session)
    } else {
        Accepted::Tcp(stream.into_std()?)
    };
    let (read, write, _) = accepted.split()?;
    Ok((read, write))
}

/// A connection from the address `source`, if there is one.
async fn open(source: &str, host: &str, port: u16) -> std::io::Result<TcpStream> {
    if source.is_empty() {
        return TcpStream::connect((host, port)).await;
    }
    let source: IpAddr =
        source.parse().map_err(|_| std::io::Error::other("bind-source-addr is no address"))?;
    let mut failure = std::io::Error::other("the master has no address of the kind of bind-source-addr");
    for address in tokio::net::lookup_host((host, port)).await? {
        let socket = match (source, address) {
            (IpAddr::V4(_), SocketAddr::V4(_)) => TcpSocket::new_v4()?,
            (IpAddr::V6(_), SocketAddr::V6(_)) => TcpSocket::new_v6()?,
            _ => continue,
        };
        socket.bind(SocketAddr::new(source, 0))?;
        match socket.connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}
