//! Taking one element after the other out of a big collection, at random; see [`crate::keyspace::drawn`].
//!
//! A part of the order of hashes is laid at a random place, so that each element has the same chance to be in it, and
//! shuffled. What is added to the collection can be chosen when the next part is. Of a collection of few elements all are
//! shuffled, and again when there are others.

use super::elements::{Elements, PLACES};
use crate::keyspace::drawn::Names;
use crate::keyspace::transaction::{Stop, Transaction};

/// Of collections of more elements a part is drawn.
const FEW: u64 = 256;
/// A part has at most so many elements, about, and an eighth of the collection.
const PART: u64 = 512;
const SHARE: u64 = 8;
/// Names of more bytes together are not kept.
const BYTES: usize = 64 * 1024;

/// Chooses an element of a collection, for a command that removes it: the next call chooses another one. `None` if the
/// part that was drawn is empty.
///
/// # Errors
/// [`Stop::Need`] if elements are on disk; the store's.
pub fn draw(txn: &mut Transaction<'_>, elements: &Elements<'_>) -> Result<Option<Vec<u8>>, Stop> {
    let collection = elements.prefix();
    if let Some(found) = next_alive(txn, elements, &collection)? {
        return Ok(Some(found));
    }
    let names = random_part(txn, elements)?;
    let whole = elements.head.len <= FEW && names.len() as u64 == elements.head.len;
    txn.keep_drawn(collection.clone(), Names::new(names, whole));
    next_alive(txn, elements, &collection)
}

fn next_alive(
    txn: &mut Transaction<'_>,
    elements: &Elements<'_>,
    collection: &[u8],
) -> Result<Option<Vec<u8>>, Stop> {
    txn.fetch_drawn_ahead(collection, |name| elements.key(name));
    while let Some(name) = txn.next_drawn(collection, elements.head.len).map(<[u8]>::to_vec) {
        // It stays the next one while it is read from disk.
        let exists = elements.read(txn, &name)?.is_some();
        txn.advance_drawn(collection);
        if exists {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

fn random_part(txn: &mut Transaction<'_>, elements: &Elements<'_>) -> Result<Vec<Vec<u8>>, Stop> {
    let mut random = txn.random.fork();
    let len = elements.head.len.max(1);
    let width = match len <= FEW {
        true => PLACES,
        false => (PLACES / len * PART.min(len / SHARE)).clamp(1, PLACES),
    };
    let start = random.u64(0..PLACES);
    let end = start + width;
    let (mut names, mut bytes) = (Vec::new(), 0);
    let mut take = |_: u32, name: &[u8], _: &[u8]| {
        bytes += name.len();
        names.push(name.to_vec());
        bytes <= BYTES
    };
    let first = elements.part(start, end.min(PLACES));
    elements.walk(txn, &first, &mut take).map_err(|stop| elements.need_whole(stop))?;
    if end > PLACES {
        let rest = elements.part(0, end - PLACES);
        elements.walk(txn, &rest, &mut take).map_err(|stop| elements.need_whole(stop))?;
    }
    random.shuffle(&mut names);
    Ok(names)
}
