//! The bound on how much a command may look at before it has to go elsewhere.

use super::{Family, Need, Range, Source, Stop, Transaction};

impl Transaction<'_> {
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
