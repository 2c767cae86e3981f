//! All commands, by name.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::spec::Command;
use super::{bitmap, database, generic, hash, string};

/// The families. A new family adds a line here; a new command does not.
const FAMILIES: &[&[Command]] =
    &[generic::COMMANDS, string::COMMANDS, bitmap::COMMANDS, hash::COMMANDS, database::COMMANDS];

static BY_NAME: LazyLock<HashMap<&'static [u8], &'static Command, ahash::RandomState>> =
    LazyLock::new(|| all().map(|command| (command.name.as_bytes(), command)).collect());

/// All commands, family by family.
pub fn all() -> impl Iterator<Item = &'static Command> {
    FAMILIES.iter().flat_map(|family| family.iter())
}

/// The command of a name, in any case.
pub fn find(name: &[u8]) -> Option<&'static Command> {
    const LONGEST: usize = 32;
    let mut lower = [0; LONGEST];
    let lower = lower.get_mut(..name.len())?;
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    BY_NAME.get(&*lower).copied()
}
