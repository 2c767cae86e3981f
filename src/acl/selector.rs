//! Commands, keys and channels that are allowed together.

use super::commands::Commands;
use super::rule::RuleError;
use super::{Channels, breaks_lines};
use crate::glob::glob_match;

/// A pattern of keys and what may be done to them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct KeyPattern {
    pattern: Vec<u8>,
    read: bool,
    write: bool,
}

/// What a command does to a key, as far as rules ask. One that does neither (EXISTS) only needs some pattern to match.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Needs {
    pub(super) read: bool,
    pub(super) write: bool,
}

/// See the module's documentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    pub(super) commands: Commands,
    all_keys: bool,
    keys: Vec<KeyPattern>,
    all_channels: bool,
    channels: Vec<Vec<u8>>,
}

impl Selector {
    /// One that allows nothing, but for the channels that it begins with.
    pub(super) fn new(channels: Channels) -> Selector {
        Selector {
            commands: Commands::default(),
            all_keys: false,
            keys: Vec::new(),
            all_channels: channels == Channels::All,
            channels: Vec::new(),
        }
    }

    /// One given as `(rule rule …)`.
    pub(super) fn parse(text: &[u8], channels: Channels) -> Result<Selector, RuleError> {
        let mut selector = Selector::new(channels);
        let inner = text.get(1..text.len() - 1).unwrap_or_default();
        // Quotes may be used as in a configuration file. What cannot be cut into words counts as no rules, as in Redis.
        for word in crate::resp::split_words(inner).unwrap_or_default() {
            selector.apply(&word)?;
        }
        Ok(selector)
    }

    /// Applies a rule about commands, keys or channels.
    pub(super) fn apply(&mut self, rule: &[u8]) -> Result<(), RuleError> {
        let is = |name: &str| rule.eq_ignore_ascii_case(name.as_bytes());
        match rule {
            _ if is("allkeys") || is("~*") => self.set_keys(true),
            _ if is("resetkeys") => self.set_keys(false),
            _ if is("allchannels") || is("&*") => self.set_channels(true),
            _ if is("resetchannels") => self.set_channels(false),
            _ if is("allcommands") => self.commands.set_all(true),
            _ if is("nocommands") => self.commands.set_all(false),
            [b'~', pattern @ ..] => self.add_keys(pattern, true, true)?,
            [b'%', rest @ ..] => self.add_limited_keys(rest)?,
            [b'&', pattern @ ..] => self.add_channels(pattern)?,
            [b'+', b'@', category @ ..] => self.commands.category(category, true)?,
            [b'-', b'@', category @ ..] => self.commands.category(category, false)?,
            [b'+', name @ ..] => self.commands.allow(name)?,
            [b'-', name @ ..] => self.commands.forbid(name)?,
            _ => return Err(RuleError::Syntax),
        }
        Ok(())
    }

    fn set_keys(&mut self, all: bool) {
        self.all_keys = all;
        self.keys.clear();
    }

    fn set_channels(&mut self, all: bool) {
        self.all_channels = all;
        self.channels.clear();
    }

    /// Behind `%`: letters that say what is allowed, and the pattern.
    fn add_limited_keys(&mut self, rest: &[u8]) -> Result<(), RuleError> {
        if self.all_keys {
            return Err(RuleError::NeedlessKeys);
        }
        let (mut read, mut write) = (false, false);
        let mut letters = rest;
        while let [letter, left @ ..] = letters {
            letters = left;
            match letter.to_ascii_uppercase() {
                b'R' if !read => read = true,
                b'W' if !write => write = true,
                b'~' if read || write => break,
                _ => return Err(RuleError::Syntax),
            }
        }
        if !(read || write) {
            return Err(RuleError::Syntax);
        }
        self.add_keys(letters, read, write)
    }

    fn add_keys(&mut self, pattern: &[u8], read: bool, write: bool) -> Result<(), RuleError> {
        if self.all_keys {
            return Err(RuleError::NeedlessKeys);
        }
        if breaks_lines(pattern) {
            return Err(RuleError::Syntax);
        }
        match self.keys.iter_mut().find(|known| known.pattern == pattern) {
            Some(known) => {
                known.read |= read;
                known.write |= write;
            }
            None => self.keys.push(KeyPattern { pattern: pattern.to_vec(), read, write }),
        }
        Ok(())
    }

    fn add_channels(&mut self, pattern: &[u8]) -> Result<(), RuleError> {
        if self.all_channels {
            return Err(RuleError::NeedlessChannels);
        }
        if breaks_lines(pattern) {
            return Err(RuleError::Syntax);
        }
        if !self.channels.iter().any(|known| known == pattern) {
            self.channels.push(pattern.to_vec());
        }
        Ok(())
    }

    /// Whether it allows all keys, for all purposes.
    pub(super) fn allows_all_keys(&self) -> bool {
        self.all_keys
    }

    /// Whether it allows all channels.
    pub fn allows_all_channels(&self) -> bool {
        self.all_channels
    }

    /// The patterns of channels that it allows, if not all.
    pub fn channels(&self) -> &[Vec<u8>] {
        &self.channels
    }

    /// Whether it allows everything.
    pub(super) fn allows_everything(&self) -> bool {
        self.all_keys && self.all_channels && self.commands.is_all()
    }

    /// Whether every key may be read.
    pub(super) fn reads_every_key(&self) -> bool {
        self.all_keys || self.keys.iter().any(|known| known.read && known.pattern == b"*")
    }

    /// Whether it allows this of a key.
    pub(super) fn allows_key(&self, key: &[u8], needs: Needs) -> bool {
        self.all_keys
            || self.keys.iter().any(|known| {
                (known.read || !needs.read)
                    && (known.write || !needs.write)
                    && glob_match(&known.pattern, key, false)
            })
    }

    /// Whether it allows a channel, or, with `exactly`, this very pattern of channels.
    pub(super) fn allows_channel(&self, name: &[u8], exactly: bool) -> bool {
        self.all_channels || allows_channel(&self.channels, name, exactly)
    }

    /// What GETUSER tells: the rules about commands, keys, channels.
    pub fn describe_parts(&self) -> (String, Vec<u8>, Vec<u8>) {
        let mut keys: Vec<Vec<u8>> = self
            .keys
            .iter()
            .map(|known| {
                let sign: &[u8] = match (known.read, known.write) {
                    (true, true) => b"~",
                    (true, false) => b"%R~",
                    _ => b"%W~",
                };
                [sign, &known.pattern].concat()
            })
            .collect();
        let mut channels: Vec<Vec<u8>> =
            self.channels.iter().map(|pattern| [b"&", pattern.as_slice()].concat()).collect();
        if self.all_keys {
            keys = vec![b"~*".to_vec()];
        }
        if self.all_channels {
            channels = vec![b"&*".to_vec()];
        }
        (self.commands.describe(), keys.join(&b' '), channels.join(&b' '))
    }

    /// The rules that make it, in the order of ACL LIST.
    pub fn describe(&self) -> Vec<u8> {
        let (commands, keys, channels) = self.describe_parts();
        let mut parts: Vec<&[u8]> = Vec::new();
        if !keys.is_empty() {
            parts.push(&keys);
        }
        if !self.all_channels {
            parts.push(b"resetchannels");
        }
        if !channels.is_empty() {
            parts.push(&channels);
        }
        parts.push(commands.as_bytes());
        parts.join(&b' ')
    }
}

/// Whether patterns allow a channel, or, with `exactly`, hold this very pattern.
pub(super) fn allows_channel(patterns: &[Vec<u8>], name: &[u8], exactly: bool) -> bool {
    patterns.iter().any(|known| if exactly { known == name } else { glob_match(known, name, false) })
}
