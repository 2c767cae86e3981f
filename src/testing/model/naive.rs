//! What a server should hold and answer, by the plainest means: a map of maps, vectors and strings.

use std::collections::{BTreeMap, BTreeSet};

use super::reply::Reply;
use super::stream::Stream;

/// A value of one type.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(Vec<u8>),
    Hash(BTreeMap<String, String>),
    List(Vec<String>),
    Set(BTreeSet<String>),
    Sorted(BTreeMap<String, i64>),
    Stream(Stream),
}

impl Value {
    /// Whether Redis would remove a key with this value.
    fn is_gone(&self) -> bool {
        match self {
            Value::Text(_) | Value::Stream(_) => false,
            Value::Hash(fields) => fields.is_empty(),
            Value::List(items) => items.is_empty(),
            Value::Set(members) => members.is_empty(),
            Value::Sorted(scores) => scores.is_empty(),
        }
    }
}

/// A key's value and when it expires, Unix time in ms.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Held {
    pub(super) value: Value,
    pub(super) expire_ms: Option<u64>,
}

/// See the module's documentation. Time is the server's.
#[derive(Debug, Default)]
pub(super) struct Naive {
    pub(super) keys: BTreeMap<String, Held>,
    pub(super) now_ms: u64,
}

/// `value!(self, key, List)`: the list at `key`, made if it is not there.
macro_rules! value {
    ($naive:expr, $key:expr, $kind:ident) => {
        match &mut $naive
            .keys
            .entry($key.to_string())
            .or_insert_with(|| crate::testing::model::naive::Held {
                value: crate::testing::model::naive::Value::$kind(Default::default()),
                expire_ms: None,
            })
            .value
        {
            crate::testing::model::naive::Value::$kind(value) => value,
            other => panic!("{} holds {other:?}", $key),
        }
    };
}
pub(super) use value;

impl Naive {
    /// Runs a command; what the server must answer.
    pub(super) fn ask(&mut self, words: &[&str]) -> Reply {
        let now_ms = self.now_ms;
        self.keys.retain(|_, held| held.expire_ms.is_none_or(|at_ms| at_ms > now_ms));
        let reply = self
            .generic(words)
            .or_else(|| self.text(words))
            .or_else(|| self.hash(words))
            .or_else(|| self.list(words))
            .or_else(|| self.set(words))
            .or_else(|| self.sorted(words))
            .or_else(|| self.stream(words))
            .unwrap_or_else(|| panic!("unknown to the model: {words:?}"));
        self.keys.retain(|_, held| !held.value.is_gone());
        reply
    }

    /// What a store command does: nothing of the old key stays.
    pub(super) fn replace(&mut self, key: &str, value: Value) {
        self.keys.insert(key.into(), Held { value, expire_ms: None });
    }

    /// A hash's fields with their values, or a set's members, in order.
    pub(super) fn elements(&self, key: &str) -> Vec<Vec<String>> {
        match self.keys.get(key).map(|held| &held.value) {
            None => Vec::new(),
            Some(Value::Hash(fields)) => {
                fields.iter().map(|(name, value)| vec![name.clone(), value.clone()]).collect()
            }
            Some(Value::Set(members)) => members.iter().map(|member| vec![member.clone()]).collect(),
            Some(other) => panic!("{key} holds {other:?}"),
        }
    }

    fn generic(&mut self, words: &[&str]) -> Option<Reply> {
        let now_ms = self.now_ms;
        Some(match *words {
            ["DEL" | "UNLINK", ref keys @ ..] => {
                Reply::count(keys.iter().filter(|&&key| self.keys.remove(key).is_some()).count())
            }
            ["EXISTS", key] => Reply::flag(self.keys.contains_key(key)),
            ["RENAME", from, to] => match self.keys.remove(from) {
                None => Reply::Error("ERR no such key"),
                Some(held) => {
                    self.keys.insert(to.into(), held);
                    Reply::Status("OK")
                }
            },
            ["COPY", from, to, "REPLACE"] if from == to => {
                Reply::Error("ERR source and destination objects are the same")
            }
            ["COPY", from, to, "REPLACE"] => match self.keys.get(from).cloned() {
                None => Reply::flag(false),
                Some(held) => {
                    self.keys.insert(to.into(), held);
                    Reply::flag(true)
                }
            },
            ["PEXPIRE", key, ms] => Reply::flag(self.keys.get_mut(key).is_some_and(|held| {
                held.expire_ms = Some(now_ms + ms.parse::<u64>().expect("ms"));
                true
            })),
            ["PERSIST", key] => {
                Reply::flag(self.keys.get_mut(key).is_some_and(|held| held.expire_ms.take().is_some()))
            }
            ["PEXPIRETIME", key] => Reply::Number(match self.keys.get(key) {
                None => -2,
                Some(Held { expire_ms: None, .. }) => -1,
                Some(Held { expire_ms: Some(at_ms), .. }) => *at_ms as i64,
            }),
            ["DBSIZE"] => Reply::count(self.keys.len()),
            ["FLUSHDB"] => {
                self.keys.clear();
                Reply::Status("OK")
            }
            _ => return None,
        })
    }
}
