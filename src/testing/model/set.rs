//! Sets.

use std::collections::BTreeSet;

use super::naive::{Held, Naive, Value, value};
use super::reply::Reply;
use super::{Choose, members_of};

impl Naive {
    pub(super) fn set(&mut self, words: &[&str]) -> Option<Reply> {
        Some(match *words {
            ["SADD", key, ref members @ ..] => {
                let set = value!(self, key, Set);
                Reply::count(members.iter().filter(|&&member| set.insert(member.into())).count())
            }
            ["SREM", key, ref members @ ..] => {
                let set = value!(self, key, Set);
                Reply::count(members.iter().filter(|&&member| set.remove(member)).count())
            }
            ["SMOVE", from, to, member] => {
                let there = if from == to {
                    value!(self, from, Set).contains(member)
                } else {
                    value!(self, from, Set).remove(member)
                };
                if there {
                    value!(self, to, Set).insert(member.into());
                }
                Reply::flag(there)
            }
            ["SISMEMBER", key, member] => Reply::flag(value!(self, key, Set).contains(member)),
            ["SCARD", key] => Reply::count(value!(self, key, Set).len()),
            [name @ ("SUNIONSTORE" | "SINTERSTORE" | "SDIFFSTORE"), target, one, other] => {
                let (one, other) = (self.members(one), self.members(other));
                let result: BTreeSet<String> = match name {
                    "SUNIONSTORE" => one.union(&other).cloned().collect(),
                    "SINTERSTORE" => one.intersection(&other).cloned().collect(),
                    _ => one.difference(&other).cloned().collect(),
                };
                let reply = Reply::count(result.len());
                self.replace(target, Value::Set(result));
                reply
            }
            _ => return None,
        })
    }

    fn members(&self, key: &str) -> BTreeSet<String> {
        match self.keys.get(key) {
            Some(Held { value: Value::Set(members), .. }) => members.clone(),
            _ => BTreeSet::new(),
        }
    }

    /// Takes out what SPOP answered, which must be as many members as there are, up to `count`.
    pub(super) fn popped(&mut self, key: &str, count: usize, taken: &[String]) {
        let set = value!(self, key, Set);
        assert_eq!(taken.len(), count.min(set.len()), "SPOP {key} {count}");
        for member in taken {
            assert!(set.remove(member), "SPOP {key} gave {member}, which is not in it");
        }
        self.ask(&["EXISTS", key]); // An empty set goes.
    }
}

pub(super) fn generate(choose: &mut Choose) -> String {
    let key = choose.key('t');
    let members = members_of(choose, &key);
    match choose.random.u8(..20) {
        0..8 => format!("SADD {key} {}", members.join(" ")),
        8..12 => format!("SREM {key} {}", members.join(" ")),
        12..14 => format!("SMOVE {key} {} {}", choose.key('t'), members[0]),
        14 => format!("SISMEMBER {key} {}", members[0]),
        15 => format!("SCARD {key}"),
        16..18 => format!("SPOP {key} {}", choose.random.u8(1..60)),
        _ => {
            let name = choose.of(&["SUNIONSTORE", "SINTERSTORE", "SDIFFSTORE"]);
            format!("{name} {} {key} {}", choose.key('t'), choose.key('t'))
        }
    }
}
