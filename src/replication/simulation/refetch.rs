//! What differs, fetched again: what a master answers, and what a slave makes of it.

use super::super::refetch::Touched;
use super::super::slave::Position;
use super::super::verify::Key;
use super::Broken;
use super::node::{Data, Node};

/// What a master answers that is asked what it wrote since a position.
pub(super) enum Answer {
    /// It has this data at this position, and can have written these keys since.
    At(Position, Touched, Data),
    /// It cannot tell.
    Unbounded,
    /// It is down, or the position is none of its history.
    Gone,
}

/// Asks a master.
pub(super) fn ask(master: &Node, common: Position) -> Answer {
    let here = Position { id: master.history.id(), offset: master.end() };
    let accepts = master.history.accepts(&common.id, common.offset, here.offset).is_ok();
    if !master.up || master.master_of.is_some() || !accepts {
        return Answer::Gone;
    }
    match master.touched_since(common.offset) {
        Some(since) => Answer::At(here, since, master.data.clone()),
        None => Answer::Unbounded,
    }
}

/// A slave's data with the master's values of all that either can have written.
pub(super) fn patched(own: &Data, lost: &Touched, since: &Touched, values: &Data, broken: Broken) -> Data {
    let none = Touched::default();
    let (lost, since) = match broken {
        Broken::Lost => (lost, &none),
        Broken::Since => (&none, since),
        _ => (lost, since),
    };
    let mut data = own.clone();
    for Key { name, .. } in lost.keys().chain(since.keys()) {
        let key = String::from_utf8_lossy(name).into_owned();
        match values.get(&key) {
            Some(value) => data.insert(key, value.clone()),
            None => data.remove(&key),
        };
    }
    data
}
