//! Values with a grammar of their own: `save`, `client-output-buffer-limit`, `notify-keyspace-events`, percentiles,
//! `oom-score-adj-values`, `shutdown-on-…`, `replicaof`. Words are separated by exactly one space, as in Redis.

use super::size::parse_size;

/// A number of bytes, or a part of another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Portion {
    /// So many bytes.
    Bytes(u64),
    /// From 0 to 100.
    Percent(u64),
}

/// A point of `save`: a snapshot is due after `seconds` with at least `changes` changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavePoint {
    /// At least 1.
    pub seconds: i64,
    /// At least 0.
    pub changes: i64,
}

pub(super) fn parse_save(text: &str) -> Result<Vec<SavePoint>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let invalid = || "Invalid save parameters".to_string();
    let numbers: Vec<i64> =
        text.split(' ').map(|word| word.parse().map_err(|_| invalid())).collect::<Result<_, _>>()?;
    let (pairs, rest) = numbers.as_chunks::<2>();
    if !rest.is_empty() || pairs.iter().any(|[seconds, changes]| *seconds < 1 || *changes < 0) {
        return Err(invalid());
    }
    Ok(pairs.iter().map(|&[seconds, changes]| SavePoint { seconds, changes }).collect())
}

/// When a client whose replies pile up is disconnected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferLimit {
    /// At once past this many bytes; 0 for never.
    pub hard_bytes: u64,
    /// After [`Self::soft_seconds`] past this many bytes; 0 for never.
    pub soft_bytes: u64,
    /// In seconds.
    pub soft_seconds: u64,
}

/// The limits for each class of client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferLimits {
    /// Ordinary clients.
    pub normal: BufferLimit,
    /// Replicas.
    pub replica: BufferLimit,
    /// Clients in subscribed mode.
    pub pubsub: BufferLimit,
}

impl BufferLimits {
    pub(super) const NONE: BufferLimits = {
        let none = BufferLimit { hard_bytes: 0, soft_bytes: 0, soft_seconds: 0 };
        BufferLimits { normal: none, replica: none, pubsub: none }
    };

    /// The limits by the class's name, which for replicas is still `slave` in what Redis answers.
    pub(super) fn by_class(&self) -> [(&'static str, BufferLimit); 3] {
        [("normal", self.normal), ("slave", self.replica), ("pubsub", self.pubsub)]
    }
}

/// Reads groups of four words; a class that is not named keeps its limit of `current`.
pub(super) fn parse_buffer_limits(text: &str, current: BufferLimits) -> Result<BufferLimits, String> {
    let mut limits = current;
    if text.is_empty() {
        return Ok(limits);
    }
    let words: Vec<&str> = text.split(' ').collect();
    let (groups, rest) = words.as_chunks::<4>();
    if !rest.is_empty() {
        return Err("Wrong number of arguments in buffer limit configuration.".into());
    }
    for [class, hard, soft, seconds] in groups {
        let limit = match class.to_ascii_lowercase().as_str() {
            "normal" => &mut limits.normal,
            "slave" | "replica" => &mut limits.replica,
            "pubsub" => &mut limits.pubsub,
            _ => return Err("Invalid client class specified in buffer limit configuration.".into()),
        };
        let (Some(hard_bytes), Some(soft_bytes), Ok(soft_seconds)) =
            (parse_size(hard), parse_size(soft), seconds.parse())
        else {
            return Err("Error in hard, soft or soft_seconds setting in buffer limit configuration.".into());
        };
        *limit = BufferLimit { hard_bytes, soft_bytes, soft_seconds };
    }
    Ok(limits)
}

/// Classes of keyspace events, as a set of bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Events(u16);

/// The letters in the order in which Redis writes them; `A` stands for the first ten.
const EVENT_LETTERS: &[u8] = b"g$lshzxetdnKEm";

impl Events {
    /// `g`: commands that are not of one type, such as DEL.
    pub const GENERIC: Events = Events(1);
    /// `$`: strings.
    pub const STRING: Events = Events(1 << 1);
    /// `l`: lists.
    pub const LIST: Events = Events(1 << 2);
    /// `s`: sets.
    pub const SET: Events = Events(1 << 3);
    /// `h`: hashes.
    pub const HASH: Events = Events(1 << 4);
    /// `z`: sorted sets.
    pub const ZSET: Events = Events(1 << 5);
    /// `x`: keys that expired.
    pub const EXPIRED: Events = Events(1 << 6);
    /// `e`: keys that were evicted.
    pub const EVICTED: Events = Events(1 << 7);
    /// `t`: streams.
    pub const STREAM: Events = Events(1 << 8);
    /// `d`: types of modules.
    pub const MODULE: Events = Events(1 << 9);
    /// `n`: keys that are new. Not part of `A`.
    pub const NEW: Events = Events(1 << 10);
    /// `K`: publish on `__keyspace@…__` channels.
    pub const KEYSPACE: Events = Events(1 << 11);
    /// `E`: publish on `__keyevent@…__` channels.
    pub const KEYEVENT: Events = Events(1 << 12);
    /// `m`: look-ups of missing keys. Not part of `A`.
    pub const KEY_MISS: Events = Events(1 << 13);
    /// `A`: all classes but `n` and `m`.
    pub const ALL: Events = Events((1 << 10) - 1);

    /// Both sets together.
    pub const fn and(self, other: Events) -> Events {
        Events(self.0 | other.0)
    }

    /// Whether every class of `other` is in this set.
    pub fn contains(self, other: Events) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether no class is.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn parse(text: &str) -> Result<Events, String> {
        text.bytes().try_fold(Events(0), |events, letter| {
            if letter == b'A' {
                return Ok(Events(events.0 | Events::ALL.0));
            }
            match EVENT_LETTERS.iter().position(|known| *known == letter) {
                Some(bit) => Ok(Events(events.0 | 1 << bit)),
                None => Err("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.".to_string()),
            }
        })
    }

    pub(super) fn to_text(self) -> String {
        let all = self.contains(Events::ALL);
        let letters = EVENT_LETTERS.iter().enumerate().filter(|(bit, _)| {
            // Redis forgets `n` beside `A`; here it is kept, else CONFIG REWRITE would lose it.
            self.0 & (1 << bit) != 0 && !(all && Events::ALL.0 & (1 << bit) != 0)
        });
        let prefix = if all { "A" } else { "" };
        prefix.chars().chain(letters.map(|(_, letter)| char::from(*letter))).collect()
    }
}

pub(super) fn parse_percentiles(text: &str) -> Result<Vec<f64>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    text.split(' ')
        .map(|word| match word.parse::<f64>() {
            Ok(number) if (0.0..=100.0).contains(&number) => Ok(number),
            Ok(number) if !number.is_nan() => {
                Err("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]".to_string())
            }
            _ => Err("Invalid latency-tracking-info-percentiles parameters".to_string()),
        })
        .collect()
}

pub(super) fn format_percentiles(numbers: &[f64]) -> String {
    let words: Vec<String> = numbers
        .iter()
        .map(|number| {
            let text = format!("{number:.6}");
            text.trim_end_matches('0').trim_end_matches('.').to_string()
        })
        .collect();
    words.join(" ")
}

pub(super) fn parse_oom_scores(text: &str) -> Result<[i64; 3], String> {
    let words: Vec<&str> = text.split(' ').collect();
    let [first, second, third] = words[..] else {
        return Err("wrong number of arguments".into());
    };
    let mut scores = [0; 3];
    for (score, word) in scores.iter_mut().zip([first, second, third]) {
        *score = word.parse().ok().filter(|number| (-2000..=2000).contains(number)).ok_or_else(|| {
            "Invalid oom-score-adj-values, elements must be between -2000 and 2000.".to_string()
        })?;
    }
    Ok(scores)
}

/// The words of `shutdown-on-sigint` and `shutdown-on-sigterm` after `default`, one bit each.
const SHUTDOWN_WORDS: [&str; 4] = ["save", "nosave", "now", "force"];

pub(super) fn parse_shutdown(text: &str) -> Result<u8, String> {
    let mut flags = 0_u8;
    for word in text.split(' ') {
        if word.eq_ignore_ascii_case("default") {
            continue;
        }
        match SHUTDOWN_WORDS.iter().position(|known| known.eq_ignore_ascii_case(word)) {
            Some(bit) => flags |= 1 << bit,
            None => {
                return Err(
                    "argument(s) must be one of the following: default, save, nosave, now, force".into()
                );
            }
        }
    }
    if flags & 3 == 3 {
        return Err("shutdown options SAVE and NOSAVE can't be used simultaneously".into());
    }
    Ok(flags)
}

pub(super) fn format_shutdown(flags: u8) -> String {
    if flags == 0 {
        return "default".into();
    }
    let words: Vec<&str> = SHUTDOWN_WORDS
        .iter()
        .enumerate()
        .filter(|(bit, _)| flags & (1 << bit) != 0)
        .map(|(_, word)| *word)
        .collect();
    words.join(" ")
}

/// The server that this one replicates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Master {
    /// A name or an address.
    pub host: String,
    /// Its client port.
    pub port: u16,
}

pub(super) fn parse_master(text: &str) -> Result<Option<Master>, String> {
    if text.is_empty() || text.eq_ignore_ascii_case("no one") {
        return Ok(None);
    }
    let (host, port) = text.split_once(' ').ok_or("wrong number of arguments")?;
    match port.parse() {
        Ok(port) if !host.is_empty() => Ok(Some(Master { host: host.into(), port })),
        _ => Err("Invalid master port".into()),
    }
}
