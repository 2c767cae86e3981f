//! Hash commands.

use super::*;

/// The hash commands, in the order of their names.
pub(super) const COMMANDS: &[Command] = &[];
