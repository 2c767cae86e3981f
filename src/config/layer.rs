//! A layer of settings: what one file, the environment, or the command line says, checked and under the options' own
//! names. The `config` crate lays them over one another.

use super::directives::Directives;
use super::redis_format::Directive;
use super::retired;
use super::row::Kind;
use super::table::{self, Named};
use super::value::Value;
use config::{ConfigError, Map, ValueKind};
use std::fmt;

/// Why a configuration could not be loaded. `Display` names the place, the option and what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError {
    /// The file with the line or the key, the environment variable, or the argument.
    pub origin: String,
    /// What is wrong there.
    pub problem: String,
}

impl fmt::Display for LoadError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.origin, self.problem)
    }
}

impl std::error::Error for LoadError {}

/// Settings by option name, each as the text that CONFIG SET would take, with its origin.
///
/// `client-output-buffer-limit` is a table by class instead, so that a layer that names one class leaves the others.
#[derive(Clone, Debug, Default)]
pub(super) struct Layer {
    pub(super) values: Map<String, config::Value>,
    pub(super) warnings: Vec<String>,
    pub(super) directives: Directives,
}

impl config::Source for Layer {
    fn clone_into_box(&self) -> Box<dyn config::Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, config::Value>, ConfigError> {
        Ok(self.values.clone())
    }
}

impl Layer {
    /// Adds a directive with its arguments, as a redis.conf or a command line gives it. Directives may be repeated:
    /// the last one counts, but points of `save` add up.
    pub(super) fn put_directive(&mut self, directive: &Directive) -> Result<(), LoadError> {
        let (name, arguments) = (&directive.words[0], &directive.words[1..]);
        if Directives::has(name) {
            return self.directives.put(directive);
        }
        let Some(named) = self.find(name, &directive.origin)? else {
            return Ok(());
        };
        let kind = named.id.row().kind;
        // Redis takes `bind` and, on the command line, `save` without arguments for empty ones. Without any,
        // `shutdown-on-…` is told which words there are.
        let count_fits = match kind {
            Kind::Words | Kind::Save | Kind::Shutdown => true,
            Kind::Master => arguments.len() == 2 || matches!(arguments, [word] if word.is_empty()),
            _ if kind.takes_many() => !arguments.is_empty(),
            _ => arguments.len() == 1,
        };
        if !count_fits {
            return Err(error(&directive.origin, name, "wrong number of arguments"));
        }
        let mut text = arguments.join(" ");
        if matches!(kind, Kind::Save) && !text.is_empty() {
            let earlier = self.values.get(named.id.row().name).map(ToString::to_string).unwrap_or_default();
            text = format!("{earlier} {text}").trim_start().to_string();
        }
        self.put(named, &text, &directive.origin)
    }

    /// Adds a value of a TOML file: a string, a number, a truth value, or an array of words.
    pub(super) fn put_toml(&mut self, name: &str, value: config::Value, file: &str) -> Result<(), LoadError> {
        if Directives::has(name) {
            return self.directives.put_toml(name, value, file);
        }
        let Some(named) = self.find(name, file)? else {
            return Ok(());
        };
        if self.values.contains_key(named.id.row().name) {
            return Err(error(file, name, "given twice, under two names"));
        }
        let kind = named.id.row().kind;
        let text = match value.kind {
            ValueKind::I64(_) if matches!(kind, Kind::Octal { .. }) => {
                return Err(error(file, name, "expected the octal number as a string, such as \"770\""));
            }
            ValueKind::Array(items) if kind.takes_many() => {
                let words: Option<Vec<String>> =
                    items.into_iter().map(|item| scalar_text(item.kind)).collect();
                words.ok_or_else(|| error(file, name, "expected an array of strings or numbers"))?.join(" ")
            }
            kind => scalar_text(kind).ok_or_else(|| error(file, name, "expected a single value"))?,
        };
        self.put(named, &text, file)
    }

    /// Finds the option. `None`, after a warning, for a directive that does nothing.
    pub(super) fn find(&mut self, name: &str, origin: &str) -> Result<Option<Named>, LoadError> {
        if let Some(named) = table::find(name) {
            return Ok(Some(named));
        }
        match retired::reason(name) {
            Some(reason) => self.warnings.push(format!("{origin}: {name} is ignored: {reason}")),
            None => {
                return Err(LoadError { origin: origin.into(), problem: format!("unknown option '{name}'") });
            }
        }
        Ok(None)
    }

    /// Checks the value, and keeps it under the option's own name and in its own unit.
    pub(super) fn put(&mut self, named: Named, text: &str, origin: &str) -> Result<(), LoadError> {
        let row = named.id.row();
        let default = Value::default_of(named.id);
        let value = named.parse(text, &default).map_err(|problem| error(origin, named.name, &problem))?;
        let uri = origin.to_string();
        if !matches!(row.kind, Kind::BufferLimits) {
            let value = config::Value::new(Some(&uri), value.to_text(named.id));
            self.values.insert(row.name.into(), value);
            return Ok(());
        }
        let mut classes = match self.values.remove(row.name).map(|table| table.kind) {
            Some(ValueKind::Table(classes)) => classes,
            _ => Map::new(),
        };
        for (class, limits) in classes_of(text) {
            classes.insert(class, config::Value::new(Some(&uri), limits));
        }
        self.values.insert(row.name.into(), config::Value::new(Some(&uri), classes));
        Ok(())
    }
}

/// The groups of a text that was checked: a class, and the whole group.
fn classes_of(text: &str) -> impl Iterator<Item = (String, String)> {
    let words: Vec<&str> = text.split(' ').collect();
    let groups: Vec<_> = words.as_chunks::<4>().0.iter().map(|group| group.join(" ")).collect();
    groups.into_iter().map(|group| {
        let class = group.split(' ').next().unwrap_or_default().to_ascii_lowercase();
        (if class == "replica" { "slave".into() } else { class }, group)
    })
}

/// The text of a setting after the layers were laid over one another.
pub(super) fn merged_text(value: config::Value) -> String {
    match value.kind {
        ValueKind::Table(classes) => {
            let groups: Vec<String> = classes.into_values().map(|group| group.to_string()).collect();
            groups.join(" ")
        }
        kind => kind.to_string(),
    }
}

fn scalar_text(kind: ValueKind) -> Option<String> {
    match kind {
        ValueKind::Boolean(yes) => Some(if yes { "yes" } else { "no" }.into()),
        ValueKind::Table(_) | ValueKind::Array(_) | ValueKind::Nil => None,
        other => Some(other.to_string()),
    }
}

fn error(origin: &str, name: &str, problem: &str) -> LoadError {
    LoadError { origin: origin.into(), problem: format!("{name}: {problem}") }
}
