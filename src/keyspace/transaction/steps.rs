//! The bound on how much a command may look at before it has to go elsewhere.

use super::{Family, Need, Range, Source, Stop, Transaction};

/// An entry counts as one step, and as one more for each so many bytes: what a command shows on a thread that serves
/// clients is bounded in bytes, too.
const STEP_BYTES: usize = 256;

/// The steps that an entry of so many bytes counts for beside itself.
pub(super) fn steps_of(bytes: usize) -> usize {
    bytes / STEP_BYTES
}

impl Transaction<'_> {
    /// Whether the command has looked at as much as it may here. Single reads go on all the same: a walk that they make
    /// up asks, and turns into the need for a range.
    pub fn is_spent(&self) -> bool {
        self.steps_left == 0 && !matches!(self.source, Source::View(_))
    }

    /// Counts `entries` of a range that a command is about to read one by one, as if [`Transaction::range`] showed
    /// them: if they are too many for here, the range becomes a need. Asks for it too where nothing but what was
    /// asked for can be read.
    pub fn take_steps(&mut self, family: Family, range: &Range, entries: usize) -> Result<(), Stop> {
        if let Source::View(view) = &self.source {
            return view.range(family, range, |_, _| Ok(false));
        }
        match self.steps_left.checked_sub(entries) {
            Some(left) => {
                self.steps_left = left;
                Ok(())
            }
            None => Err(Stop::Need(vec![Need::Range(family, range.clone())])),
        }
    }
}
