//! Connections: bytes that are under way, in order, late, and in pieces; or no connection any more.

use std::collections::{BTreeMap, VecDeque};

/// The longest that bytes are under way, ms.
const LATEST_MS: u64 = 700;

#[derive(Debug, Default)]
struct Wire {
    /// When they arrive, and bytes.
    under_way: VecDeque<(u64, Vec<u8>)>,
}

#[derive(Debug)]
struct Connection {
    /// Who connected, and to whom.
    ends: [usize; 2],
    /// To the first end, and to the second.
    wires: [Wire; 2],
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Network {
    connections: BTreeMap<u64, Connection>,
    next: u64,
    ended: Vec<(u64, usize)>,
}

impl Network {
    /// Connects a node to another. Returns the connection's number.
    pub(super) fn connect(&mut self, from: usize, to: usize) -> u64 {
        self.next += 1;
        let connection = Connection { ends: [from, to], wires: Default::default() };
        self.connections.insert(self.next, connection);
        self.next
    }

    /// Bytes from one end of a connection to the other. Those of a connection that is gone go nowhere.
    pub(super) fn send(
        &mut self,
        connection: u64,
        from: usize,
        bytes: &[u8],
        now_ms: u64,
        random: &mut fastrand::Rng,
    ) {
        let Some(Connection { ends, wires }) = self.connections.get_mut(&connection) else { return };
        let wire = &mut wires[usize::from(ends[0] == from)];
        let mut rest = bytes;
        while !rest.is_empty() {
            let length = if random.u8(..4) == 0 { random.usize(1..=rest.len()) } else { rest.len() };
            let (piece, after) = rest.split_at(length);
            // In order: nothing overtakes what was sent before.
            let last = wire.under_way.back().map_or(0, |(at_ms, _)| *at_ms);
            wire.under_way.push_back((last.max(now_ms + random.u64(..LATEST_MS)), piece.to_vec()));
            rest = after;
        }
    }

    /// What arrives by now: by which connection, at whom, what.
    pub(super) fn deliver(&mut self, now_ms: u64, random: &mut fastrand::Rng) -> Vec<(u64, usize, Vec<u8>)> {
        let mut arrived = Vec::new();
        for (&number, Connection { ends, wires }) in &mut self.connections {
            for (end, wire) in wires.iter_mut().enumerate() {
                while wire.under_way.front().is_some_and(|(at_ms, _)| *at_ms <= now_ms)
                    && let Some((_, bytes)) = wire.under_way.pop_front()
                {
                    arrived.push((number, ends[end], bytes));
                }
            }
        }
        // Of different connections in any order.
        if random.bool() {
            arrived.sort_by_key(|(number, ..)| std::cmp::Reverse(*number));
        }
        arrived
    }

    /// A node closes a connection; the other end learns of it, and what was under way is lost.
    pub(super) fn close(&mut self, connection: u64) {
        if let Some(Connection { ends, .. }) = self.connections.remove(&connection) {
            self.ended.extend(ends.map(|end| (connection, end)));
        }
    }

    /// Connections that ended since the last time, each for both ends.
    pub(super) fn ended(&mut self) -> Vec<(u64, usize)> {
        std::mem::take(&mut self.ended)
    }

    /// All connections of a node break.
    pub(super) fn break_all_of(&mut self, node: usize) {
        let of: Vec<u64> = self
            .connections
            .iter()
            .filter(|(_, c)| c.ends.contains(&node))
            .map(|(number, _)| *number)
            .collect();
        of.into_iter().for_each(|connection| self.close(connection));
    }

    /// Some connection breaks, if there is any.
    pub(super) fn break_one(&mut self, random: &mut fastrand::Rng) {
        let all: Vec<u64> = self.connections.keys().copied().collect();
        if let Some(&connection) = all.get(random.usize(..all.len().max(1))) {
            self.close(connection);
        }
    }
}
