//! The current values of all options, and the commands CONFIG GET and CONFIG SET on them.

use super::choice::Permission;
use super::key::{Id, Key, Setting};
use super::options::ENABLE_PROTECTED_CONFIGS;
use super::row::Change;
use super::table::{self, Named};
use super::value::{Value, parse_integer};
use std::fmt;

/// The value of every option. It does not change: [`Config::set`] gives a new one, so that the old one stays whole
/// until the new one has been put to use.
#[derive(Clone, PartialEq)]
pub struct Config {
    values: Vec<Value>,
}

/// Why CONFIG SET refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetError {
    /// There is no such option.
    Unknown {
        /// The name as the client wrote it.
        name: Vec<u8>,
    },
    /// The option cannot take the value. The shell makes this too, when it cannot put a value to use.
    Failed {
        /// The option's name.
        name: String,
        /// What is wrong.
        reason: String,
    },
}

impl SetError {
    /// The whole reply, `ERR` included, in Redis's words. It may quote the client.
    pub fn text(&self) -> Vec<u8> {
        match self {
            SetError::Unknown { name } => {
                [b"ERR Unknown option or number of arguments for CONFIG SET - '", name.as_slice(), b"'"]
                    .concat()
            }
            SetError::Failed { name, reason } => {
                format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}")
                    .into_bytes()
            }
        }
    }
}

impl fmt::Display for SetError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&String::from_utf8_lossy(&self.text()))
    }
}

impl std::error::Error for SetError {}

impl Default for Config {
    /// Every option at its default.
    fn default() -> Config {
        Config { values: Id::all().map(Value::default_of).collect() }
    }
}

impl Config {
    /// The value of one option.
    pub fn get<T: Setting>(&self, key: Key<T>) -> T::Output<'_> {
        match T::read(self.value(key.id())) {
            Some(value) => value,
            None => unreachable!("{} holds a value of another kind", key.name()),
        }
    }

    /// The value of one option, of whatever kind.
    pub fn value(&self, id: Id) -> &Value {
        &self.values[id.index()]
    }

    /// The options whose values differ, in the order of the table.
    pub fn differences(&self, other: &Config) -> Vec<Id> {
        Id::all().filter(|id| self.value(*id) != other.value(*id)).collect()
    }

    /// CONFIG GET: the names and values that match any of the patterns, each name once. `glob` matches a pattern
    /// against a name without regard to case.
    ///
    /// A pattern without `*`, `?` and `[` is a name; it answers under the spelling of the client, and finds hidden
    /// options and old names, which patterns do not.
    pub fn show(&self, patterns: &[&[u8]], glob: impl Fn(&[u8], &[u8]) -> bool) -> Vec<(String, String)> {
        let mut found: Vec<(String, String)> = Vec::new();
        let mut add = |shown: String, named: Named| {
            if !found.iter().any(|(name, _)| name.eq_ignore_ascii_case(&shown)) {
                found.push((shown, named.show(self.value(named.id))));
            }
        };
        for pattern in patterns {
            if pattern.iter().any(|byte| b"*?[".contains(byte)) {
                for named in
                    table::names().filter(|named| named.listed && glob(pattern, named.name.as_bytes()))
                {
                    add(named.name.to_string(), named);
                }
            } else if let Ok(name) = std::str::from_utf8(pattern)
                && let Some(named) = table::find(name)
            {
                add(name.to_string(), named);
            }
        }
        found
    }

    /// CONFIG SET of any number of names and values: all of them or, on an error, none. Gives the new configuration
    /// and the options that changed, or name a file that may have, for the caller to put to use. `local` says whether the client is of this machine.
    ///
    /// Two names of one option may both be given; the last wins, as in Redis. Values must be UTF-8.
    ///
    /// # Errors
    /// The first name that is unknown, given twice or cannot be set; else the first value that does not fit.
    pub fn set(&self, pairs: &[(&[u8], &[u8])], local: bool) -> Result<(Config, Vec<Id>), SetError> {
        let mut options: Vec<Named> = Vec::new();
        for (name, _) in pairs {
            let text = std::str::from_utf8(name).ok();
            let Some((name, named)) = text.and_then(|name| Some((name.to_string(), table::find(name)?)))
            else {
                return Err(SetError::Unknown { name: name.to_vec() });
            };
            let obstacle = match named.id.row().change {
                Change::Start => Some("can't set immutable config"),
                Change::Protected if !self.may_set_protected(local) => Some("can't set protected config"),
                _ if options.iter().any(|other| other.name == named.name) => Some("duplicate parameter"),
                _ => None,
            };
            if let Some(reason) = obstacle {
                return Err(SetError::Failed { name, reason: reason.into() });
            }
            options.push(named);
        }
        let mut next = self.clone();
        for (named, (_, text)) in options.iter().zip(pairs) {
            let parsed = match std::str::from_utf8(text) {
                Ok(text) => named.parse(text, next.value(named.id)),
                Err(_) => Err("argument must be UTF-8".to_string()),
            };
            match parsed {
                Ok(value) => next.values[named.id.index()] = value,
                Err(reason) => return Err(SetError::Failed { name: named.name.into(), reason }),
            }
        }
        let named = |id: &Id| options.iter().any(|option| option.id == *id);
        let to_use = |id: &Id| self.value(*id) != next.value(*id) || (id.row().volatile && named(id));
        let changed = Id::all().filter(to_use).collect();
        Ok((next, changed))
    }

    /// The configuration with one option changed by the program itself, whether or not CONFIG SET may: REPLICAOF does
    /// so. `text` is as for CONFIG SET.
    ///
    /// # Errors
    /// Says what was expected.
    pub fn with<T>(&self, key: Key<T>, text: &str) -> Result<Config, String> {
        let mut next = self.clone();
        next.values[key.id().index()] = Value::parse(key.id().row(), text, Some(self.value(key.id())))?;
        Ok(next)
    }

    pub(super) fn from_values(values: Vec<Value>) -> Config {
        Config { values }
    }

    fn may_set_protected(&self, local: bool) -> bool {
        match self.get(ENABLE_PROTECTED_CONFIGS) {
            Permission::Yes => true,
            Permission::Local => local,
            Permission::No => false,
        }
    }
}

impl fmt::Debug for Config {
    /// Only what is not at its default, and no secrets.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = out.debug_map();
        for id in self.differences(&Config::default()) {
            let text = if id.row().secret { "(secret)".into() } else { self.value(id).to_text(id) };
            map.entry(&id.row().name, &text);
        }
        map.finish()
    }
}

impl Named {
    /// Reads a value given under this name. `current` is the option's value so far.
    pub(super) fn parse(&self, text: &str, current: &Value) -> Result<Value, String> {
        if self.factor == 1 {
            return Value::parse(self.id.row(), text, Some(current));
        }
        let number = parse_integer(text).ok_or("argument couldn't be parsed into an integer")?;
        Value::parse(self.id.row(), &number.saturating_mul(self.factor).to_string(), Some(current))
    }

    /// Writes the value as this name counts it.
    pub(super) fn show(&self, value: &Value) -> String {
        match value {
            Value::Integer(number) if self.factor != 1 => (number / self.factor).to_string(),
            Value::Size(bytes) if self.factor != 1 => (bytes / self.factor.unsigned_abs()).to_string(),
            _ => value.to_text(self.id),
        }
    }
}
