//! `rename-command`: commands that clients know by another name, or by none.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::table;

static NAMES: OnceLock<Names> = OnceLock::new();

/// What clients call commands, once any of them has another name.
#[derive(Debug)]
pub(super) struct Names(HashMap<Vec<u8>, usize>);

impl Names {
    /// Every command under its own name.
    fn new() -> Names {
        let top = table::entries().iter().filter(|entry| entry.parent.is_none());
        Names(top.map(|entry| (entry.command.name.into(), entry.id)).collect())
    }

    /// Gives a command another name; an empty one: none.
    fn rename(&mut self, from: &str, to: &str) -> Result<(), String> {
        let (from, to) = (from.to_ascii_lowercase(), to.to_ascii_lowercase());
        let known = self.0.get(from.as_bytes()).copied();
        let id = known.ok_or_else(|| format!("rename-command: there is no command '{from}'"))?;
        // The log holds true names: none of them may come to mean another command.
        if table::find(to.as_bytes()).is_some() || self.0.contains_key(to.as_bytes()) {
            return Err(format!("rename-command: there is a command '{to}' already"));
        }
        self.0.remove(from.as_bytes());
        if !to.is_empty() {
            self.0.insert(to.into_bytes(), id);
        }
        Ok(())
    }

    /// The command of a name, in any case: its place in the table.
    pub(super) fn find(&self, name: &[u8]) -> Option<usize> {
        self.0.get(&name.to_ascii_lowercase()).copied()
    }
}

/// Gives commands other names, in order, for as long as the process runs. For its start, before anyone asks; once.
///
/// # Errors
/// A command that there is not, or a name that is taken.
pub fn rename(pairs: &[(String, String)]) -> Result<(), String> {
    if pairs.is_empty() {
        return Ok(());
    }
    let mut names = Names::new();
    pairs.iter().try_for_each(|(from, to)| names.rename(from, to))?;
    NAMES.set(names).map_err(|_| "rename-command: commands have their names already".to_string())
}

/// The names, if any is not the true one.
pub(super) fn names() -> Option<&'static Names> {
    NAMES.get()
}

/// The true name of what a client calls `name`; `name` itself if that is none.
pub fn true_name(name: &[u8]) -> &[u8] {
    let found =
        names().and_then(|names| names.find(name)).map(|id| table::entries()[id].command.name.as_bytes());
    found.filter(|found| !found.eq_ignore_ascii_case(name)).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_has_another_name_or_none() {
        let mut names = Names::new();
        let id = |names: &Names, name: &str| names.find(name.as_bytes());
        let config = id(&names, "config");
        assert!(config.is_some());
        assert_eq!(names.rename("CONFIG", "Secret"), Ok(()));
        assert_eq!((id(&names, "config"), id(&names, "SECRET")), (None, config));
        assert_eq!(names.rename("secret", "other"), Ok(()));
        assert_eq!((id(&names, "secret"), id(&names, "other")), (None, config));
        assert_eq!(names.rename("flushall", ""), Ok(()));
        assert_eq!(id(&names, "flushall"), None);
        assert_eq!(
            names.rename("flushall", "x"),
            Err("rename-command: there is no command 'flushall'".into())
        );
        assert_eq!(
            names.rename("get", "set"),
            Err("rename-command: there is a command 'set' already".into())
        );
        assert_eq!(
            names.rename("get", "flushall"),
            Err("rename-command: there is a command 'flushall' already".into()),
            "its name in the log"
        );
    }
}
