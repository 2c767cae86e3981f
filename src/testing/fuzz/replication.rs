//! What a master sends.

use super::Choices;
use crate::replication::ReplicationId;
use crate::replication::slave::{Action, Event, Position, Settings, Slave};
use crate::replication::stream::Cutter;

/// Arbitrary bytes as what a master answers, and (with bit 0 of the choices) as its stream of commands. What a slave
/// makes of them does not depend on where they are cut, and every byte of a stream is accounted for.
pub fn replication(data: &[u8]) {
    let (mut choices, data) = Choices::take(data);
    let pieces = choices.cut(data);
    if choices.bit(0) {
        stream(&pieces, data, 1 + usize::from(choices.bit(1)) * 2);
    } else {
        assert_eq!(follow(&choices, &pieces), follow(&choices, &[data]), "cut into {pieces:?}");
    }
}

/// What a slave is told by these bytes: what it sends, stores and runs, and what it says when it gives up.
fn follow(choices: &Choices, pieces: &[&[u8]]) -> String {
    let id = ReplicationId::from_random([7; 20]);
    let position = choices.bit(1).then_some(Position { id, offset: 100 });
    let password = if choices.bit(2) { "secret" } else { "" }.to_string();
    let settings = Settings {
        password,
        timeout_ms: 60_000,
        hands_over: choices.bit(3),
        files: choices.bit(4),
        refetch: choices.bit(4),
        ..Settings::default()
    };
    let mut slave = Slave::new(0);
    let mut bytes: [Vec<u8>; 4] = Default::default();
    let mut said = Vec::new();
    assert_eq!(slave.handle(Event::Clock, 0), [Action::Connect]);
    let mut actions = slave.handle(Event::Connected(settings, position), 0);
    // An empty piece first: what the connection itself brought is looked at too.
    for piece in [&&b""[..]].into_iter().chain(pieces) {
        if !piece.is_empty() {
            actions.extend(slave.handle(Event::Received(piece), 1));
        }
        let mut broken = false;
        for action in actions.drain(..) {
            match action {
                Action::Send(sent) => bytes[0].extend_from_slice(&sent),
                Action::Store(stored) => bytes[1].extend_from_slice(&stored),
                Action::Spool(spooled) => bytes[2].extend_from_slice(&spooled),
                Action::Stream(streamed) => bytes[3].extend_from_slice(&streamed),
                Action::Disconnect(_) => broken = true,
                other => said.push(format!("{other:?}")),
            }
        }
        if broken {
            // How much of the data came before the mistake depends on the cuts, and is forgotten.
            return slave.last_error.clone();
        }
    }
    format!("{:?} {said:?} {bytes:?}", slave.stage())
}

fn stream(pieces: &[&[u8]], data: &[u8], partitions: usize) {
    let mut cutter = Cutter::new(partitions, 16, 0);
    let mut taken = Vec::new();
    for piece in pieces {
        cutter.push(piece);
        loop {
            match cutter.cut() {
                Ok(Some(cut)) => {
                    assert!(!cut.frame.is_empty());
                    let mut end = 0;
                    for piece in &cut.pieces {
                        assert_eq!(piece.bytes.0, end, "pieces have no gaps");
                        end = piece.bytes.1;
                    }
                    assert!(end as usize == cut.frame.len() || cut.pieces.is_empty());
                    taken.extend_from_slice(&cut.frame);
                }
                Ok(None) => break,
                Err(error) => {
                    assert!(!error.to_string().is_empty());
                    assert!(data.starts_with(&taken));
                    return;
                }
            }
        }
    }
    assert!(data.starts_with(&taken));
    assert_eq!(taken.len() + cutter.waiting(), data.len());
}
