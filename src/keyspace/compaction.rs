//! Which parts of the store a compaction by hand rewrites.
//!
//! Keys are ordered by slot, namespace and hash: a database is in all of the store, and so is a range of names. What
//! can be picked out is a slot, and a family: strings have no elements. So a few keys are compacted with the slots
//! that they are in, and anything more with all of its families, in pieces, so that one can see how far it is.

use std::collections::BTreeSet;

use super::slot::{self, SLOTS, Slot};
use crate::encoding::key::{self, MetaKey, Namespace};
use crate::encoding::meta::Type;
use crate::engine::{Family, Range, Read, ReadError, Tier};

/// A part of the store that is rewritten at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Its family.
    pub family: Family,
    /// Its keys.
    pub range: Range,
}

/// About how many bytes a piece has. A file at its border is rewritten twice, so it is much larger than a file.
const PIECE_BYTES: u64 = 1 << 30;
/// With more slots than this, single ones cost more than everything.
const FEW_SLOTS: usize = 128;

/// Everything in which keys of these types have entries; of all types, if none is named. `bytes_of` is the size of a
/// family.
pub fn whole(types: &[Type], bytes_of: impl Fn(Family) -> u64) -> Vec<Piece> {
    let strings_only = !types.is_empty() && types.iter().all(|kind| *kind == Type::String);
    let families: &[Family] = match (types.is_empty(), strings_only) {
        (true, _) => &Family::ALL,
        (_, true) => &[Family::Meta, Family::Expiry],
        (_, false) => &[Family::Meta, Family::Element, Family::Expiry],
    };
    let by_slot = |family| matches!(family, Family::Meta | Family::Element);
    families
        .iter()
        .flat_map(|&family| {
            let count =
                if by_slot(family) { (bytes_of(family) / PIECE_BYTES + 1).min(256) as usize } else { 1 };
            (0..count).map(move |index| {
                let slots = slot::range_of(index, count);
                // The outermost have no border, so that nothing is left out.
                let bound =
                    |slot: Slot, open: bool| if open { Vec::new() } else { slot.to_be_bytes().to_vec() };
                let range = Range {
                    lower: bound(slots.start, index == 0),
                    upper: bound(slots.end, index + 1 == count),
                };
                Piece { family, range }
            })
        })
        .collect()
}

/// The slots of a database in which there are keys from `first` to `last`, or in which these two would be: what was
/// removed leaves no name. `None`: they are so many that [`whole`] costs less. Reads all names of the database.
pub fn of_keys(
    engine: &dyn Read,
    namespace: Namespace,
    first: &[u8],
    last: &[u8],
) -> Result<Option<Vec<Piece>>, ReadError> {
    if first > last {
        return Ok(Some(Vec::new()));
    }
    let mut slots: BTreeSet<Slot> = [slot::of_key(first), slot::of_key(last)].into();
    for slot in 0..SLOTS {
        // Once a slot is in it, its other names do not matter: that is what makes a great database bearable.
        if first == last {
            break;
        }
        let prefix = Range::prefix(&key::meta_slot(slot, namespace));
        let mut names = engine.iterate(Family::Meta, &prefix, Tier::Disk);
        while let Some((entry, _)) = names.next()? {
            if MetaKey::parse(entry).is_some_and(|found| found.key >= first && found.key <= last) {
                slots.insert(slot);
                break;
            }
        }
        if slots.len() > FEW_SLOTS {
            return Ok(None);
        }
    }
    let pieces = slots.into_iter().flat_map(|slot| {
        let range = Range::prefix(&key::meta_slot(slot, namespace));
        [Family::Meta, Family::Element].map(|family| Piece { family, range: range.clone() })
    });
    Ok(Some(pieces.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::MiniServer;

    #[test]
    fn pieces_leave_nothing_out_and_meet_at_their_borders() {
        for gigabytes in [0, 1, 5, 5000] {
            let pieces = whole(&[], |_| gigabytes << 30);
            for family in Family::ALL {
                let ranges: Vec<&Range> =
                    pieces.iter().filter(|piece| piece.family == family).map(|piece| &piece.range).collect();
                assert!(ranges[0].lower.is_empty() && ranges[ranges.len() - 1].upper.is_empty());
                assert!(
                    ranges.windows(2).all(|pair| pair[0].upper == pair[1].lower && !pair[1].lower.is_empty())
                );
            }
            let metas = pieces.iter().filter(|piece| piece.family == Family::Meta).count();
            assert_eq!(metas as u64, (gigabytes + 1).min(256));
        }
    }

    #[test]
    fn strings_have_no_elements() {
        let families =
            |types: &[Type]| whole(types, |_| 0).into_iter().map(|piece| piece.family).collect::<Vec<_>>();
        assert_eq!(families(&[Type::String]), [Family::Meta, Family::Expiry]);
        for types in [&[Type::Hash][..], &[Type::String, Type::Stream]] {
            assert_eq!(families(types), [Family::Meta, Family::Element, Family::Expiry]);
        }
        assert_eq!(families(&[]), Family::ALL);
    }

    #[test]
    fn a_range_of_keys_is_the_slots_that_have_them() {
        let mut server = MiniServer::new(2);
        for key in ["a", "b", "c", "{b}d", "x"] {
            server.ask(&format!("SET {key} 1"));
        }
        server.ask("SELECT 1");
        server.ask("SET bb 1");
        server.write_behind();
        let slots = |namespace, first: &str, last: &str| {
            let pieces =
                of_keys(&server.engine, namespace, first.as_bytes(), last.as_bytes()).unwrap().unwrap();
            let mut found: Vec<u16> = pieces
                .iter()
                .filter(|piece| piece.family == Family::Element)
                .map(|piece| u16::from_be_bytes([piece.range.lower[0], piece.range.lower[1]]))
                .collect();
            found.sort_unstable();
            found
        };
        let of = |keys: &[&str]| {
            let mut slots: Vec<u16> = keys.iter().map(|key| slot::of_key(key.as_bytes())).collect();
            slots.sort_unstable();
            slots
        };
        assert_eq!(slots(0, "b", "c"), of(&["b", "c"]));
        assert_eq!(slots(0, "a", "y"), of(&["a", "b", "c", "x", "y"]));
        assert_eq!(slots(0, "gone", "gone"), of(&["gone"]));
        assert_eq!(slots(1, "a", "c"), of(&["a", "bb", "c"]));
        assert!(slots(0, "c", "b").is_empty());
        assert_eq!(of_keys(&server.engine, 0, b"a", b"b").unwrap().unwrap()[0].range.lower.len(), 6);
    }

    #[test]
    fn many_slots_are_left_to_a_compaction_of_all() {
        let mut server = MiniServer::new(1);
        (0..400).for_each(|number| drop(server.ask(&format!("SET key:{number} 1"))));
        server.write_behind();
        assert_eq!(of_keys(&server.engine, 0, b"key:", b"key;"), Ok(None));
        assert!(of_keys(&server.engine, 0, b"key:1", b"key:1").unwrap().is_some());
    }
}
