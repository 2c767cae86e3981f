//! Sorted sets. Scores are small whole numbers, so that many are equal and sums are exact.

use std::collections::BTreeMap;

use super::naive::{Held, Naive, Value, value};
use super::reply::Reply;
use super::{Choose, members_of, number};

impl Naive {
    pub(super) fn sorted(&mut self, words: &[&str]) -> Option<Reply> {
        Some(match *words {
            ["ZADD", key, ref pairs @ ..] => {
                let scores = value!(self, key, Sorted);
                let new = |pair: &[&str]| scores.insert(pair[1].into(), number(pair[0])).is_none();
                Reply::count(pairs.chunks(2).map(new).filter(|new| *new).count())
            }
            ["ZREM", key, ref members @ ..] => {
                let scores = value!(self, key, Sorted);
                Reply::count(members.iter().filter(|&&member| scores.remove(member).is_some()).count())
            }
            ["ZINCRBY", key, by, member] => {
                let score = value!(self, key, Sorted).entry(member.into()).or_default();
                *score += number(by);
                Reply::bulk(score.to_string())
            }
            ["ZSCORE", key, member] => {
                Reply::maybe(value!(self, key, Sorted).get(member).map(i64::to_string))
            }
            ["ZRANK", key, member] => {
                let rank = self.in_order(key).iter().position(|(_, there)| there == member);
                rank.map_or(Reply::Nil, Reply::count)
            }
            ["ZCARD", key] => Reply::count(value!(self, key, Sorted).len()),
            ["ZCOUNT", key, least, most] => {
                let within = number(least)..=number(most);
                Reply::count(
                    value!(self, key, Sorted).values().filter(|score| within.contains(score)).count(),
                )
            }
            ["ZRANGE", key, start, stop] => Reply::array(
                self.ranks(key, number(start), number(stop)).into_iter().map(|(_, member)| member),
            ),
            ["ZRANGE", key, start, stop, "WITHSCORES"] => {
                let found = self.ranks(key, number(start), number(stop));
                Reply::array(found.into_iter().flat_map(|(score, member)| [member, score.to_string()]))
            }
            ["ZPOPMIN", key, count] => {
                let taken = self.ranks(key, 0, number(count) - 1);
                value!(self, key, Sorted).retain(|member, score| !taken.contains(&(*score, member.clone())));
                Reply::array(taken.into_iter().flat_map(|(score, member)| [member, score.to_string()]))
            }
            ["ZREMRANGEBYRANK", key, start, stop] => {
                let doomed = self.ranks(key, number(start), number(stop));
                value!(self, key, Sorted).retain(|member, score| !doomed.contains(&(*score, member.clone())));
                Reply::count(doomed.len())
            }
            ["ZRANGESTORE", target, key, start, stop] => {
                let found = self.ranks(key, number(start), number(stop));
                let reply = Reply::count(found.len());
                let swapped = found.into_iter().map(|(score, member)| (member, score));
                self.replace(target, Value::Sorted(swapped.collect()));
                reply
            }
            ["ZUNIONSTORE", target, "2", one, other] => {
                let mut sum: BTreeMap<String, i64> = BTreeMap::new();
                for (score, member) in self.in_order(one).into_iter().chain(self.in_order(other)) {
                    *sum.entry(member).or_default() += score;
                }
                let reply = Reply::count(sum.len());
                self.replace(target, Value::Sorted(sum));
                reply
            }
            _ => return None,
        })
    }

    fn in_order(&self, key: &str) -> Vec<(i64, String)> {
        let Some(Held { value: Value::Sorted(scores), .. }) = self.keys.get(key) else { return Vec::new() };
        let mut all: Vec<_> = scores.iter().map(|(member, score)| (*score, member.clone())).collect();
        all.sort();
        all
    }

    fn ranks(&self, key: &str, start: i64, stop: i64) -> Vec<(i64, String)> {
        let all = self.in_order(key);
        let place = |index: i64| if index < 0 { index + all.len() as i64 } else { index };
        let (start, stop) = (place(start).max(0), place(stop).min(all.len() as i64 - 1));
        if start > stop { Vec::new() } else { all[start as usize..=stop as usize].to_vec() }
    }
}

pub(super) fn generate(choose: &mut Choose) -> String {
    let key = choose.key('z');
    let members = members_of(choose, &key);
    let rank = choose.random.i64(-200..900);
    match choose.random.u8(..24) {
        0..8 => {
            let pairs: Vec<String> =
                members.iter().map(|member| format!("{} {member}", choose.random.i8(..))).collect();
            format!("ZADD {key} {}", pairs.join(" "))
        }
        8..11 => format!("ZREM {key} {}", members.join(" ")),
        11..13 => format!("ZINCRBY {key} {} {}", choose.random.i8(..), members[0]),
        13 => format!("ZSCORE {key} {}", members[0]),
        14..16 => format!("ZRANK {key} {}", members[0]),
        16 => format!("ZCOUNT {key} {} {}", choose.random.i8(..), choose.random.i8(..)),
        17..19 => format!("ZRANGE {key} {rank} {}", rank + 50),
        19 => format!("ZPOPMIN {key} {}", choose.random.u8(1..60)),
        20 => format!("ZREMRANGEBYRANK {key} {rank} {}", rank + 20),
        21..23 => format!("ZRANGESTORE {} {key} {rank} {}", choose.key('z'), rank + 800),
        _ => format!("ZUNIONSTORE {} 2 {key} {}", choose.key('z'), choose.key('z')),
    }
}
