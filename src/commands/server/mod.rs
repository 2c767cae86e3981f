//! Commands about the server.

use super::*;

/// The server commands, in the order of their names.
pub(super) const COMMANDS: &[Command] = &[];
