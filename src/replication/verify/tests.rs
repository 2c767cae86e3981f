//! Spans and sums, what counts of a key, and that a comparison names exactly the keys that differ.

use std::collections::BTreeMap;

use super::bisect::{Answer, Question, Side, Watcher};
use super::*;
use crate::rdb::{HashField, Value};

fn field(name: &str, value: &str, expire_ms: Option<u64>) -> HashField {
    HashField { name: name.into(), value: value.into(), expire_ms }
}

#[test]
fn what_is_the_same_in_another_order_is_the_same() {
    let same = [
        (Value::Set(vec![b"a".to_vec(), b"b".to_vec()]), Value::Set(vec![b"b".to_vec(), b"a".to_vec()])),
        (
            Value::Hash(vec![field("f", "1", None), field("g", "2", Some(5))]),
            Value::Hash(vec![field("g", "2", Some(5)), field("f", "1", None)]),
        ),
        (
            Value::SortedSet(vec![(b"a".to_vec(), 0.0), (b"b".to_vec(), 1.0)]),
            Value::SortedSet(vec![(b"b".to_vec(), 1.0), (b"a".to_vec(), -0.0)]),
        ),
    ];
    for (one, other) in same {
        assert_eq!(hash(0, b"k", None, &one), hash(0, b"k", None, &other), "{one:?}");
    }
}

#[test]
fn every_difference_is_one() {
    let value = |text: &str| Value::String(text.into());
    let list = |words: &[&str]| Value::List(words.iter().map(|word| word.as_bytes().to_vec()).collect());
    let all = [
        hash(0, b"k", None, &value("v")),
        hash(1, b"k", None, &value("v")),
        hash(0, b"l", None, &value("v")),
        hash(0, b"k", Some(0), &value("v")),
        hash(0, b"k", Some(1), &value("v")),
        hash(0, b"k", None, &value("w")),
        hash(0, b"k", None, &list(&["v"])),
        hash(0, b"k", None, &list(&["a", "b"])),
        hash(0, b"k", None, &list(&["b", "a"])),
        hash(0, b"k", None, &list(&["ab", ""])),
        hash(0, b"k", None, &Value::Set(vec![b"v".to_vec()])),
        hash(0, b"k", None, &Value::Hash(vec![field("f", "v", None)])),
        hash(0, b"k", None, &Value::Hash(vec![field("f", "v", Some(9))])),
        hash(0, b"k", None, &Value::SortedSet(vec![(b"v".to_vec(), 1.0)])),
    ];
    let different: std::collections::BTreeSet<u128> = all.into_iter().collect();
    assert_eq!(different.len(), all.len());
}

#[test]
fn parts_of_a_span_are_the_span_without_gaps() {
    for (from, to, parts) in
        [(0, Span::ALL.to, 7), (5, 6, 64), (1 << 32, 3 << 32, 2), (10, 17, 3), (0, 4096, 4096)]
    {
        let span = Span::new(from, to).unwrap();
        let cut = span.cut(parts);
        assert_eq!((cut[0].from, cut[cut.len() - 1].to), (from, to));
        for (index, pair) in cut.windows(2).enumerate() {
            assert_eq!(pair[0].to, pair[1].from);
            // The last of one and the first of the next are told apart.
            assert_eq!(span.part_of(pair[0].to - 1, parts), index);
            assert_eq!(span.part_of(pair[0].to, parts), index + 1);
        }
        assert_eq!(span.part_of(from, parts), 0);
        assert_eq!(span.part_of(to - 1, parts), cut.len() - 1);
    }
    assert_eq!(Span::new(3, 3), None);
    assert_eq!(Span::new(0, Span::ALL.to + 1), None);
    let pieces: Vec<_> = Span::new((2 << 32) + 9, (4 << 32) + 1).unwrap().slots().collect();
    assert_eq!(pieces, [(2, 9, 1 << 32), (3, 0, 1 << 32), (4, 0, 1)]);
    assert_eq!(Span::ALL.slots().count(), usize::from(SLOTS));
}

#[test]
fn sums_are_read_as_they_were_written() {
    let sums = [Sum { keys: 1, sum: u128::MAX }, Sum::default(), Sum { keys: u64::MAX, sum: 7 }];
    assert_eq!(decode_sums(&encode_sums(&sums)), Some(sums.to_vec()));
    assert_eq!(decode_sums(&encode_sums(&sums)[1..]), None);
    assert_eq!(decode_sums(b""), Some(Vec::new()));
}

/// A server's keys, and what it was asked.
#[derive(Default)]
struct Keys {
    keys: BTreeMap<(u64, Key), u128>,
    asked: Option<Question>,
    most_named: usize,
    questions: usize,
}

impl Keys {
    fn put(&mut self, database: usize, name: &str, hash: u128) {
        let key = Key { database, name: name.into() };
        self.keys.insert((position_of(&key.name), key), hash);
    }

    fn take(&mut self, database: usize, name: &str) {
        let key = Key { database, name: name.into() };
        self.keys.remove(&(position_of(&key.name), key)).expect("a key that is there");
    }
}

impl Side for Keys {
    fn ask(&mut self, question: &Question) -> Result<(), String> {
        self.questions += 1;
        self.asked = Some(*question);
        Ok(())
    }

    fn answer(&mut self) -> Result<Answer, String> {
        let (Question::Sums(span, _) | Question::Names(span)) = self.asked.ok_or("nothing was asked")?;
        let within = self.keys.iter().filter(|((at, _), _)| (span.from..span.to).contains(at));
        Ok(match self.asked.take() {
            Some(Question::Sums(span, parts)) => {
                let mut sums = vec![Sum::default(); span.cut(parts).len()];
                within.for_each(|((at, _), hash)| sums[span.part_of(*at, parts)].add(*hash));
                Answer::Sums(sums)
            }
            _ => {
                let names: Vec<Found> =
                    within.map(|((_, key), hash)| Found { key: key.clone(), hash: *hash }).collect();
                self.most_named = self.most_named.max(names.len());
                Answer::Names(names)
            }
        })
    }
}

#[derive(Default)]
struct Noted {
    differing: Vec<Differing>,
    keys: u64,
    to: u64,
    stop_at: Option<u64>,
}

impl Watcher for Noted {
    fn now_ms(&self) -> u64 {
        0
    }

    fn compared(&mut self, to: u64, keys: u64) -> Result<(), String> {
        assert!(to > self.to);
        (self.to, self.keys) = (to, self.keys + keys);
        match self.stop_at.is_some_and(|stop_at| to >= stop_at) {
            true => Err("it was stopped".into()),
            false => Ok(()),
        }
    }

    fn differs(&mut self, key: Differing) -> Result<(), String> {
        self.differing.push(key);
        Ok(())
    }
}

fn pair(count: u32, name: impl Fn(u32) -> String) -> (Keys, Keys) {
    let (mut one, mut other) = (Keys::default(), Keys::default());
    for number in 0..count {
        for side in [&mut one, &mut other] {
            side.put((number % 3) as usize, &name(number), u128::from(number) << 90 | 1);
        }
    }
    (one, other)
}

#[test]
fn what_is_the_same_is_asked_for_in_few_questions_and_never_by_name() {
    let (mut one, mut other) = pair(20_000, |number| format!("key:{number}"));
    let mut noted = Noted::default();
    bisect(&mut one, &mut other, &mut noted).unwrap();
    assert_eq!((noted.differing.len(), noted.keys, noted.to), (0, 20_000, Span::ALL.to));
    assert!(one.questions < 30 && one.most_named == 0, "{} questions", one.questions);
}

#[test]
fn exactly_the_keys_that_differ_are_named() {
    let names: [fn(u32) -> String; 2] =
        [|number| format!("key:{number}"), |number| format!("{{one slot}}{number}")];
    for name in names {
        let (mut one, mut other) = pair(20_000, name);
        one.put(0, &name(0), 77);
        other.take(1, &name(10_000));
        one.take(2, &name(5));
        // The same name in another database.
        one.put(1, "moved", 5);
        other.put(2, "moved", 6);
        let mut noted = Noted::default();
        bisect(&mut one, &mut other, &mut noted).unwrap();
        let mut found: Vec<(usize, String, Option<u128>, Option<u128>)> = noted
            .differing
            .into_iter()
            .map(|differing| {
                let Key { database, name } = differing.key;
                (database, String::from_utf8(name).unwrap(), differing.here, differing.there)
            })
            .collect();
        found.sort();
        let mut expected = vec![
            (0, name(0), Some(77), Some(1)),
            (1, name(10_000), Some(10_000 << 90 | 1), None),
            (2, name(5), None, Some(5 << 90 | 1)),
            (1, "moved".into(), Some(5), None),
            (2, "moved".into(), None, Some(6)),
        ];
        expected.sort();
        assert_eq!(found, expected);
        assert!(one.most_named <= 512, "{} names at a time", one.most_named);
    }
}

#[test]
fn everything_may_differ() {
    let (mut one, _) = pair(5_000, |number| format!("key:{number}"));
    let mut noted = Noted::default();
    bisect(&mut one, &mut Keys::default(), &mut noted).unwrap();
    assert_eq!(noted.differing.len(), 5_000);
    let mut noted = Noted::default();
    bisect(&mut Keys::default(), &mut one, &mut noted).unwrap();
    assert!(noted.differing.iter().all(|key| key.here.is_none() && key.there.is_some()));
    assert_eq!(noted.differing.len(), 5_000);
}

#[test]
fn it_ends_when_it_is_told_to() {
    let (mut one, mut other) = pair(100, |number| format!("key:{number}"));
    let mut noted = Noted { stop_at: Some(1000 << 32), ..Noted::default() };
    assert_eq!(bisect(&mut one, &mut other, &mut noted), Err("it was stopped".into()));
    assert!(noted.to < Span::ALL.to);
}
