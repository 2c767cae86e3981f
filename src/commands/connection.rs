//! Commands on the client's own connection.

use super::*;

/// The connection commands, in the order of their names.
pub(super) const COMMANDS: &[Command] = &[];
