//! Directives that are no options, since each line adds to those before it: `user` and `rename-command`.

use super::layer::LoadError;
use super::redis_format::{Directive, split_bytes};
use config::ValueKind;

/// What the directives say, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Directives {
    /// Of each line the words behind `user`: a name and rules.
    pub(super) users: Vec<Vec<Vec<u8>>>,
    /// Pairs of a command's name and the one that it has instead; empty: none.
    pub(super) renames: Vec<(String, String)>,
}

impl Directives {
    /// Whether a directive is one of these.
    pub(super) fn has(name: &str) -> bool {
        ["user", "rename-command"].iter().any(|known| known.eq_ignore_ascii_case(name))
    }

    /// Adds a line that [`Directives::has`] knows.
    pub(super) fn put(&mut self, directive: &Directive) -> Result<(), LoadError> {
        let error = |problem: &str| LoadError {
            origin: directive.origin.clone(),
            problem: format!("{}: {problem}", directive.words[0]),
        };
        let arguments = &directive.words[1..];
        if directive.words[0].eq_ignore_ascii_case("user") {
            if directive.user.is_empty() {
                return Err(error("wrong number of arguments"));
            }
            self.users.push(directive.user.clone());
            return Ok(());
        }
        let [from, to] = arguments else { return Err(error("wrong number of arguments")) };
        self.renames.push((from.clone(), to.clone()));
        Ok(())
    }

    /// Adds what a TOML file says: an array of lines, each a string.
    pub(super) fn put_toml(&mut self, name: &str, value: config::Value, file: &str) -> Result<(), LoadError> {
        let error = |problem: &str| LoadError { origin: file.into(), problem: format!("{name}: {problem}") };
        let lines = match value.kind {
            ValueKind::Array(lines) => lines,
            kind @ ValueKind::String(_) => vec![config::Value::new(None, kind)],
            _ => return Err(error("expected an array of strings")),
        };
        for line in lines {
            let ValueKind::String(line) = line.kind else {
                return Err(error("expected an array of strings"));
            };
            let mut words = split_bytes(line.as_bytes()).ok_or_else(|| error("unbalanced quotes"))?;
            words.insert(0, name.as_bytes().to_vec());
            self.put(&Directive::new(file.into(), words)?)?;
        }
        Ok(())
    }

    /// Adds those of another layer.
    pub(super) fn append(&mut self, mut other: Directives) {
        self.users.append(&mut other.users);
        self.renames.append(&mut other.renames);
    }
}
