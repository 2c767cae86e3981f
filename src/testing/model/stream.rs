//! Streams and their groups. Ids are numbers that the test chooses, with `-0` behind them.

use std::collections::BTreeMap;

use super::naive::{Held, Naive, Value, value};
use super::reply::Reply;
use super::{Choose, number};

/// A group: the last entry delivered; and consumer, when (ms) and how often for each that is pending.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Group {
    last: u64,
    pending: BTreeMap<u64, (String, u64, i64)>,
}

#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Stream {
    entries: BTreeMap<u64, String>,
    last: u64,
    groups: BTreeMap<String, Group>,
}

fn shown(id: u64) -> Reply {
    Reply::bulk(format!("{id}-0"))
}

fn id_of(text: &str) -> u64 {
    number(text.trim_end_matches("-0")) as u64
}

fn entry(id: u64, value: &str) -> Reply {
    Reply::Array(vec![shown(id), Reply::array(["f", value])])
}

const NO_GROUP: &str = "no such group";

impl Naive {
    pub(super) fn stream(&mut self, words: &[&str]) -> Option<Reply> {
        let now_ms = self.now_ms;
        Some(match *words {
            ["XADD", key, id, "f", text] => {
                let (stream, id) = (value!(self, key, Stream), id_of(id));
                if id <= stream.last {
                    return Some(Reply::Error(
                        "ERR The ID specified in XADD is equal or smaller than the target stream top item",
                    ));
                }
                stream.entries.insert(id, text.into());
                stream.last = id;
                shown(id)
            }
            ["XLEN", key] => Reply::count(self.there(key).map_or(0, |stream| stream.entries.len())),
            ["XRANGE", key, "-", "+"] => Reply::Array(self.there(key).map_or_else(Vec::new, |stream| {
                stream.entries.iter().map(|(id, value)| entry(*id, value)).collect()
            })),
            ["XDEL", key, ref ids @ ..] => Reply::count(self.there(key).map_or(0, |stream| {
                ids.iter().filter(|id| stream.entries.remove(&id_of(id)).is_some()).count()
            })),
            ["XTRIM", key, "MAXLEN", keep] => Reply::count(self.there(key).map_or(0, |stream| {
                let doomed = stream.entries.len().saturating_sub(number(keep) as usize);
                (0..doomed).for_each(|_| drop(stream.entries.pop_first()));
                doomed
            })),
            ["XGROUP", "CREATE", key, group, id, "MKSTREAM"] => {
                let groups = &mut value!(self, key, Stream).groups;
                if groups.contains_key(group) {
                    return Some(Reply::Error("BUSYGROUP Consumer Group name already exists"));
                }
                groups.insert(group.into(), Group { last: id_of(id), ..Group::default() });
                Reply::Status("OK")
            }
            ["XGROUP", "DESTROY", key, group] => match self.there(key) {
                Some(stream) => Reply::flag(stream.groups.remove(group).is_some()),
                None => Reply::Error(NO_GROUP),
            },
            ["XREADGROUP", "GROUP", group, consumer, "COUNT", count, "STREAMS", key, ">"] => {
                let Some((entries, group)) = self.group(key, group) else {
                    return Some(Reply::Error(NO_GROUP));
                };
                let count = number(count) as usize;
                let read: Vec<(u64, String)> =
                    entries.range(group.last + 1..).take(count).map(|(id, v)| (*id, v.clone())).collect();
                let Some((last, _)) = read.last() else { return Some(Reply::Nil) };
                group.last = *last;
                for (id, _) in &read {
                    group.pending.insert(*id, (consumer.into(), now_ms, 1));
                }
                let read = read.iter().map(|(id, value)| entry(*id, value)).collect();
                Reply::Array(vec![Reply::Array(vec![Reply::bulk(key), Reply::Array(read)])])
            }
            ["XACK", key, group, ref ids @ ..] => {
                Reply::count(self.group(key, group).map_or(0, |(_, group)| {
                    ids.iter().filter(|id| group.pending.remove(&id_of(id)).is_some()).count()
                }))
            }
            ["XCLAIM", key, group, consumer, "0", id, "JUSTID"] => {
                let Some((entries, group)) = self.group(key, group) else {
                    return Some(Reply::Error(NO_GROUP));
                };
                let id = id_of(id);
                if !entries.contains_key(&id) {
                    group.pending.remove(&id);
                }
                match group.pending.get_mut(&id) {
                    None => Reply::Array(Vec::new()),
                    Some((whose, when_ms, _)) => {
                        (*whose, *when_ms) = (consumer.into(), now_ms);
                        Reply::Array(vec![shown(id)])
                    }
                }
            }
            ["XPENDING", key, group, "-", "+", "100000"] => match self.group(key, group) {
                None => Reply::Error(NO_GROUP),
                Some((_, group)) => {
                    let each = group.pending.iter().map(|(id, (consumer, when_ms, times))| {
                        let idle = Reply::Number((now_ms - when_ms) as i64);
                        Reply::Array(vec![shown(*id), Reply::bulk(consumer), idle, Reply::Number(*times)])
                    });
                    Reply::Array(each.collect())
                }
            },
            _ => return None,
        })
    }

    fn there(&mut self, key: &str) -> Option<&mut Stream> {
        match self.keys.get_mut(key) {
            Some(Held { value: Value::Stream(stream), .. }) => Some(stream),
            _ => None,
        }
    }

    fn group(&mut self, key: &str, group: &str) -> Option<(&BTreeMap<u64, String>, &mut Group)> {
        let Stream { entries, groups, .. } = self.there(key)?;
        Some((entries, groups.get_mut(group)?))
    }
}

pub(super) fn generate(choose: &mut Choose) -> String {
    let key = choose.key('x');
    let (group, consumer) = (choose.of(&["g0", "g1"]), choose.of(&["c0", "c1", "c2"]));
    choose.serial += 1;
    // Mostly about what was added lately.
    let id = choose.random.u64(choose.serial.saturating_sub(400)..=choose.serial);
    match choose.random.u8(..24) {
        0..9 => {
            let (id, text) = (choose.serial, choose.word());
            format!("XADD {key} {id}-0 f {text}")
        }
        9 => format!("XDEL {key} {id}-0 {}-0 {}-0", id + 1, id + 2),
        10 => format!("XTRIM {key} MAXLEN {}", choose.random.u16(..300)),
        11 => format!("XLEN {key}"),
        12 => format!("XGROUP CREATE {key} {group} {}-0 MKSTREAM", choose.of(&["0", "1", "150"])),
        13 if choose.random.u8(..6) == 0 => format!("XGROUP DESTROY {key} {group}"),
        13..18 => {
            let count = choose.random.u8(1..70);
            format!("XREADGROUP GROUP {group} {consumer} COUNT {count} STREAMS {key} >")
        }
        18..21 => {
            let ids: Vec<String> = (id..id + choose.random.u64(1..60)).map(|id| format!("{id}-0")).collect();
            format!("XACK {key} {group} {}", ids.join(" "))
        }
        _ => format!("XCLAIM {key} {group} {consumer} 0 {id}-0 JUSTID"),
    }
}
