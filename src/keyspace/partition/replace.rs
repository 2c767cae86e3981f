//! Other data in the place of all that a partition had: the end of a full synchronisation.

use super::{AllCounts, HandedList, Namespaces, Partition, covering};

impl Partition {
    /// Forgets all that is in memory and goes on with what the store has by now: databases `namespaces`, with `counts`
    /// keys (only the sum over all partitions means anything), as of the log offset `reach`. What was handed off before
    /// must be in the store, or be given up; nothing may have been written since the last group was closed.
    ///
    /// Group numbers go on rising, so that replies which wait for a group wait for none of the new data.
    pub fn replace(&mut self, namespaces: Namespaces, counts: AllCounts, reach: u64) {
        debug_assert!(!self.has_open_group(), "data is replaced between groups");
        for database in 0..self.namespaces.databases() {
            self.touch_watched(self.namespaces.of(database), None);
        }
        self.tables = covering(namespaces.next());
        self.counts = counts;
        self.settled = AllCounts::default();
        (self.blind_writes, self.blind_writes_handed, self.blind_writes_settled) = (0, 0, 0);
        self.namespaces = namespaces;
        self.orphans.clear();
        self.queue = HandedList::default();
        self.queue_bytes = 0;
        self.under_way.clear();
        self.spent.clear();
        self.closed.clear();
        self.reach = reach;
        self.handed_group = self.open_group;
        self.open_group += 1;
        self.namespaces_changed.clear();
        self.namespaces_dirty = false;
        self.functions_dirty = false;
        self.databases_changed = true;
        self.databases_flushed = true;
        self.touched.clear();
        self.told = 0;
        self.events.clear();
    }
}
