//! A server as a master: what comes in on its connections, and what it sends to those of slaves.

use super::super::Broken;
use super::super::network::Network;
use super::Node;
use super::data::{Data, command};
use crate::replication::handshake::{Announced, Request};
use crate::replication::master::{Action, Limits, Log, Start};
use crate::replication::slave::{Event, Position};
use crate::resp::{Batch, Parser};

/// A data set that is kept for slaves.
#[derive(Debug, Clone)]
pub(in super::super) struct Checkpoint {
    pub(super) name: String,
    pub(super) data: Data,
    /// Where the log goes on behind it.
    pub(super) of: Position,
}

/// What is at the other end of a connection that came in.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    input: Vec<u8>,
    announced: Announced,
    /// Where the stream goes on; `None` before it has begun.
    streams: Option<u64>,
    is_slave: bool,
}

impl Node {
    /// Bytes came.
    pub(in super::super) fn receive(
        &mut self,
        connection: u64,
        bytes: &[u8],
        network: &mut Network,
        now_ms: u64,
        random: &mut fastrand::Rng,
    ) {
        if !self.up {
            return;
        }
        if self.link == Some(connection) {
            return self.tell(Event::Received(bytes), network, now_ms, random);
        }
        let mut incoming = self.incoming.remove(&connection).unwrap_or_default();
        incoming.input.extend_from_slice(bytes);
        let mut batch = Batch::default();
        let input = std::mem::take(&mut incoming.input);
        let used = Parser::default().parse(&input, &Default::default(), usize::MAX, &mut batch).unwrap_or(0);
        incoming.input = input[used..].to_vec();
        for command in &batch.commands {
            let ranges = &batch.ranges[command.first as usize..][..command.count as usize];
            let words: Vec<&[u8]> =
                ranges.iter().map(|&(from, to)| &input[from as usize..to as usize]).collect();
            let answer = self.answer(connection, &mut incoming, &words, now_ms, random);
            network.send(connection, self.index, &answer, now_ms, random);
        }
        self.incoming.insert(connection, incoming);
    }

    /// Slaves are sent more of the stream, or a sign of life; those that are silent for too long are cut off.
    pub(super) fn serve(
        &mut self,
        network: &mut Network,
        limits: &Limits,
        now_ms: u64,
        random: &mut fastrand::Rng,
    ) {
        let end = self.end();
        for action in self.master.tick(limits, end, now_ms) {
            match action {
                Action::Close { id, .. } => network.close(id),
                Action::Ping if self.master_of.is_none() => self.append(&command(&[b"PING"])),
                _ => {}
            }
        }
        for (&connection, incoming) in &mut self.incoming {
            match incoming.streams {
                Some(from) if from < self.first => network.close(connection),
                Some(from) => {
                    let bytes = &self.log[(from - self.first) as usize..];
                    let bytes = &bytes[..random.usize(..=bytes.len())];
                    network.send(connection, self.index, bytes, now_ms, random);
                    let sent = from + bytes.len() as u64;
                    incoming.streams = Some(sent);
                    self.master.progress(connection, Some(sent), end, now_ms);
                }
                None if incoming.is_slave => {
                    network.send(connection, self.index, b"\n", now_ms, random);
                    self.master.progress(connection, None, 0, now_ms);
                }
                None => {}
            }
        }
    }

    fn answer(
        &mut self,
        connection: u64,
        incoming: &mut Incoming,
        words: &[&[u8]],
        now_ms: u64,
        random: &mut fastrand::Rng,
    ) -> Vec<u8> {
        match words {
            [b"PING"] => b"+PONG\r\n".to_vec(),
            [b"REPLCONF", b"ACK", offset] => {
                let offset = String::from_utf8_lossy(offset).parse().unwrap_or(0);
                self.master.acknowledge(connection, offset, None, now_ms);
                Vec::new()
            }
            [b"REPLCONF", rest @ ..] => {
                let capabilities =
                    rest.chunks(2).filter(|pair| pair[0] == b"capa").filter_map(|pair| pair.get(1));
                capabilities.for_each(|name| incoming.announced.add_capability(name));
                b"+OK\r\n".to_vec()
            }
            [b"PSYNC", ..] if self.master_of.is_some() => b"-NOMASTERLINK a slave\r\n".to_vec(),
            [b"PSYNC", id, offset] => {
                let request = Request::parse(id, offset).expect("a number");
                self.begin(connection, incoming, &request, now_ms, random)
            }
            _ => Vec::new(),
        }
    }

    fn begin(
        &mut self,
        connection: u64,
        incoming: &mut Incoming,
        request: &Request,
        now_ms: u64,
        random: &mut fastrand::Rng,
    ) -> Vec<u8> {
        let log = Log { history: &self.history, first: self.first, end: self.end() };
        let announced = incoming.announced.clone();
        let mut start = self.master.attach(connection, "peer", announced, request, log, now_ms);
        incoming.is_slave = true;
        if let (Broken::Fork, Start::Full { .. } | Start::Refetch { .. }, Request::Continue { offset, .. }) =
            (self.broken, &start, request)
            && (self.first..=self.end()).contains(offset)
        {
            start = Start::Partial { from: *offset, id: self.history.id() };
        }
        match start {
            Start::Partial { from, id } => {
                incoming.streams = Some(from);
                format!("+CONTINUE {id}\r\n").into_bytes()
            }
            Start::Refetch { common } => format!("+DIVERGED {} {common}\r\n", self.history.id()).into_bytes(),
            Start::Full { .. } if incoming.announced.files && random.u8(..3) > 0 => {
                let of = Position { id: self.history.id(), offset: self.end() };
                let kept = self.checkpoint.get_or_insert_with(|| {
                    let name = format!("{}-{}", self.index, now_ms);
                    Checkpoint { name, data: self.data.clone(), of }
                });
                let accepts = self.history.accepts(&kept.of.id, kept.of.offset, of.offset).is_ok();
                if !accepts || kept.of.offset < self.first {
                    *kept =
                        Checkpoint { name: format!("{}-{now_ms}", self.index), data: self.data.clone(), of };
                }
                if self.broken == Broken::Checkpoint {
                    kept.of = of;
                }
                self.master.sending(connection, kept.of.offset, now_ms);
                format!("+CHECKPOINT {} {} {}\r\n", of.id, kept.of.offset, kept.name).into_bytes()
            }
            Start::Full { .. } => {
                let mut file = Vec::new();
                for (key, value) in &self.data {
                    file.extend(command(&[b"SET", key.as_bytes(), value.as_bytes()]));
                }
                let (id, end) = (self.history.id(), self.end());
                self.master.sending(connection, end, now_ms);
                self.master.sent_snapshot(connection, false, now_ms);
                incoming.streams = Some(end);
                let head = format!("+FULLRESYNC {id} {end}\r\n${}\r\n", file.len());
                [head.into_bytes(), file].concat()
            }
        }
    }
}
