//! Names of elements chosen at random ahead of need: what the next commands take out of a big collection.
//!
//! To choose one element of many takes a search of the store. Whoever takes one after the other (SPOP) would pay it each
//! time; so a part of the collection is shuffled once, and the next elements are taken from it. These are only names: an
//! element may have gone meanwhile, and whoever takes a name looks.

use std::collections::HashMap;

use crate::encoding::key::KeyBuf;

/// Of so many collections at most are names kept.
const COLLECTIONS: usize = 64;

/// A partition's names that were drawn and not taken yet, by the prefix of their collection's elements.
#[derive(Debug, Default)]
pub struct Drawn {
    collections: HashMap<KeyBuf, Names, ahash::RandomState>,
}

/// Names drawn from one collection, to be taken from the last to the first.
#[derive(Debug)]
pub struct Names {
    names: Vec<Vec<u8>>,
    /// They are all of the collection, while it has as many elements.
    whole: bool,
}

impl Names {
    /// Some of a collection's names, in an order of chance; all of them if it is `whole`.
    pub fn new(names: Vec<Vec<u8>>, whole: bool) -> Names {
        Names { names, whole }
    }
}

impl Drawn {
    /// The next name of a collection that has `len` elements. There is none if all its names had been drawn and others
    /// came since: those shall have their chance.
    pub fn next(&self, collection: &[u8], len: u64) -> Option<&[u8]> {
        let Names { names, whole } = self.collections.get(collection)?;
        if *whole && names.len() as u64 != len {
            return None;
        }
        names.last().map(Vec::as_slice)
    }

    /// The next names of a collection, if it is time to fetch them from memory together: each time after so many.
    pub fn upcoming(&self, collection: &[u8]) -> &[Vec<u8>] {
        const TOGETHER: usize = 16;
        match self.collections.get(collection) {
            Some(Names { names, .. }) if names.len().is_multiple_of(TOGETHER) => {
                &names[names.len().saturating_sub(TOGETHER)..]
            }
            _ => &[],
        }
    }

    /// That name was taken, or is no more.
    pub fn advance(&mut self, collection: &[u8]) {
        let Some(drawn) = self.collections.get_mut(collection) else { return };
        drawn.names.pop();
        if drawn.names.is_empty() {
            self.collections.remove(collection);
        }
    }

    /// Keeps names in the place of those that a collection has.
    pub fn keep(&mut self, collection: KeyBuf, names: Names) {
        if self.collections.len() >= COLLECTIONS {
            self.collections.clear();
        }
        if !names.names.is_empty() {
            self.collections.insert(collection, names);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: usize) -> KeyBuf {
        KeyBuf::from_slice(number.to_string().as_bytes())
    }

    fn names(names: &[&[u8]], whole: bool) -> Names {
        Names::new(names.iter().map(|name| name.to_vec()).collect(), whole)
    }

    #[test]
    fn names_are_taken_one_by_one_and_another_collection_has_its_own() {
        let mut drawn = Drawn::default();
        drawn.keep(key(1), names(&[b"a", b"b"], false));
        drawn.keep(key(2), names(&[b"c"], false));
        assert_eq!((drawn.next(&key(1), 9), drawn.next(&key(2), 9)), (Some(&b"b"[..]), Some(&b"c"[..])));
        drawn.advance(&key(1));
        assert_eq!(drawn.next(&key(1), 99), Some(&b"a"[..]));
        drawn.advance(&key(1));
        drawn.advance(&key(1));
        assert_eq!((drawn.next(&key(1), 9), drawn.next(&key(2), 9)), (None, Some(&b"c"[..])));
    }

    #[test]
    fn the_next_ones_are_told_once_in_a_while() {
        let mut drawn = Drawn::default();
        let all: Vec<Vec<u8>> = (0..40u8).map(|number| vec![number]).collect();
        drawn.keep(key(1), Names::new(all.clone(), false));
        let mut told = Vec::new();
        for left in (1..=40).rev() {
            let upcoming = drawn.upcoming(&key(1));
            if !upcoming.is_empty() {
                told.push((left, upcoming.to_vec()));
            }
            drawn.advance(&key(1));
        }
        assert_eq!(told, [(32, all[16..32].to_vec()), (16, all[..16].to_vec())]);
        assert!(drawn.upcoming(&key(1)).is_empty());
    }

    #[test]
    fn names_of_a_whole_collection_are_of_no_use_when_it_has_others() {
        let mut drawn = Drawn::default();
        drawn.keep(key(1), names(&[b"a", b"b"], true));
        assert_eq!((drawn.next(&key(1), 2), drawn.next(&key(1), 3)), (Some(&b"b"[..]), None));
        drawn.advance(&key(1));
        assert_eq!((drawn.next(&key(1), 1), drawn.next(&key(1), 2)), (Some(&b"a"[..]), None));
    }

    #[test]
    fn it_does_not_grow_with_the_number_of_collections() {
        let mut drawn = Drawn::default();
        (0..1000).for_each(|number| drawn.keep(key(number), names(&[b"a"], false)));
        assert!(drawn.collections.len() <= COLLECTIONS);
        assert_eq!(drawn.next(&key(999), 5), Some(&b"a"[..]));
    }
}
