//! SLOWLOG: the commands that took long, the latest so many of them.

use std::collections::VecDeque;

/// Most words of a command that are kept.
const MAX_WORDS: usize = 32;
/// Most bytes of a word that are kept.
const MAX_WORD: usize = 128;

/// One slow command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlowEntry {
    /// Counts up from 0, also over SLOWLOG RESET.
    pub id: u64,
    /// When it ran, Unix time in seconds.
    pub time_s: u64,
    /// How long it took, microseconds.
    pub micros: u64,
    /// Its words, trimmed.
    pub words: Vec<Vec<u8>>,
    /// Address of its client.
    pub client: String,
    /// Name of its client.
    pub client_name: Vec<u8>,
}

/// The log; the newest entry comes first.
#[derive(Debug, Default)]
pub struct SlowLog {
    entries: VecDeque<SlowEntry>,
    next_id: u64,
}

impl SlowLog {
    /// Whether a command of `micros` belongs into the log, with `slowlog-log-slower-than` at `threshold`.
    pub fn is_slow(threshold: i64, micros: u64) -> bool {
        u64::try_from(threshold).is_ok_and(|threshold| micros >= threshold)
    }

    /// Adds a command, and forgets the oldest beyond `max_len` (`slowlog-max-len`). Its words should have passed
    /// [`crate::commands::redact::words`], since some are secret.
    pub fn add<'a>(
        &mut self,
        words: impl ExactSizeIterator<Item = &'a [u8]>,
        time_s: u64,
        micros: u64,
        client: (&str, &[u8]),
        max_len: u64,
    ) {
        let entry = SlowEntry {
            id: self.next_id,
            time_s,
            micros,
            words: trim(words),
            client: client.0.to_string(),
            client_name: client.1.to_vec(),
        };
        self.next_id += 1;
        self.entries.push_front(entry);
        self.set_max_len(max_len);
    }

    /// Forgets the oldest beyond `max_len`.
    pub fn set_max_len(&mut self, max_len: u64) {
        self.entries.truncate(usize::try_from(max_len).unwrap_or(usize::MAX));
    }

    /// The entries, the newest first.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = &SlowEntry> {
        self.entries.iter()
    }

    /// Forgets all.
    pub fn reset(&mut self) {
        self.entries.clear();
    }
}

/// At most so many words of at most so many bytes; what is left out is counted in its place.
fn trim<'a>(words: impl ExactSizeIterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let count = words.len();
    let kept = if count > MAX_WORDS { MAX_WORDS - 1 } else { count };
    let mut trimmed: Vec<Vec<u8>> = words.take(kept).map(trim_word).collect();
    if count > kept {
        trimmed.push(format!("... ({} more arguments)", count - kept).into_bytes());
    }
    trimmed
}

fn trim_word(word: &[u8]) -> Vec<u8> {
    if word.len() <= MAX_WORD {
        return word.to_vec();
    }
    let mut trimmed = word[..MAX_WORD].to_vec();
    trimmed.extend_from_slice(format!("... ({} more bytes)", word.len() - MAX_WORD).as_bytes());
    trimmed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(log: &mut SlowLog, words: &[&[u8]], max_len: u64) {
        log.add(words.iter().copied(), 1, 2, ("1.2.3.4:5", b"name"), max_len);
    }

    #[test]
    fn words_are_trimmed_at_their_limits() {
        let mut log = SlowLog::default();
        let words = vec![&b"x"[..]; 33];
        add(&mut log, &words[..32], 10);
        add(&mut log, &words, 10);
        let long = [b'A'; 129];
        add(&mut log, &[&long[..128], &long], 10);
        let kept: Vec<_> = log.entries().collect();
        assert_eq!(kept[2].words.len(), 32);
        assert_eq!(kept[2].words[31], b"x");
        assert_eq!(kept[1].words.len(), 32);
        assert_eq!(kept[1].words[31], b"... (2 more arguments)");
        assert_eq!(kept[0].words[0], &long[..128]);
        assert!(kept[0].words[1].ends_with(b"A... (1 more bytes)"));
    }

    #[test]
    fn the_oldest_are_forgotten_and_ids_go_on() {
        let mut log = SlowLog::default();
        for _ in 0..5 {
            add(&mut log, &[b"ping"], 3);
        }
        assert_eq!(log.entries().map(|entry| entry.id).collect::<Vec<_>>(), [4, 3, 2]);
        log.reset();
        add(&mut log, &[b"ping"], 3);
        assert_eq!(log.entries().map(|entry| entry.id).collect::<Vec<_>>(), [5]);
        add(&mut log, &[b"ping"], 0);
        assert_eq!(log.entries().len(), 0);
    }

    #[test]
    fn the_threshold_is_inclusive_and_negative_is_never() {
        assert!(SlowLog::is_slow(0, 0));
        assert!(SlowLog::is_slow(10, 10));
        assert!(!SlowLog::is_slow(10, 9));
        assert!(!SlowLog::is_slow(-1, u64::MAX));
        assert!(!SlowLog::is_slow(i64::MAX, i64::MAX as u64 - 1));
    }
}
