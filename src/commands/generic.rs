//! Commands on keys of any type.

use super::*;

/// The generic commands, in the order of their names.
pub(super) const COMMANDS: &[Command] = &[];

/// The partition that a SCAN cursor points into.
pub fn cursor_partition(_cursor: &[u8], _partitions: usize) -> usize {
    0
}
