//! What a key holds, whatever its encoding was or will be.

/// A value. Collections have no element twice, and none but a stream is empty.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A string.
    String(Vec<u8>),
    /// A list, from its head to its tail.
    List(Vec<Vec<u8>>),
    /// A set; the order means nothing. The decoder keeps that of the bytes.
    Set(Vec<Vec<u8>>),
    /// Members and scores, by score, and members of the same score by their bytes. No score is NaN.
    SortedSet(Vec<(Vec<u8>, f64)>),
    /// A hash, in the order of insertion as far as that is known.
    Hash(Vec<HashField>),
    /// A stream.
    Stream(Stream),
}

/// A field of a hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashField {
    /// Its name.
    pub name: Vec<u8>,
    /// Its value.
    pub value: Vec<u8>,
    /// When it expires, Unix time in ms; maybe in the past.
    pub expire_ms: Option<u64>,
}

/// The id of a stream's entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct StreamId {
    /// Unix time in ms.
    pub ms: u64,
    /// Distinguishes entries of the same time.
    pub seq: u64,
}

/// A stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stream {
    /// The entries, by id.
    pub entries: Vec<StreamEntry>,
    /// The id given last; entries have this or smaller ones.
    pub last_id: StreamId,
    /// The id of the first entry; 0-0 if there is none.
    pub first_id: StreamId,
    /// The largest id that was ever deleted.
    pub max_deleted_id: StreamId,
    /// How many entries were ever added.
    pub entries_added: u64,
    /// Consumer groups; no name twice.
    pub groups: Vec<Group>,
}

/// An entry of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamEntry {
    /// Its id.
    pub id: StreamId,
    /// Fields and values; a field may stand there more than once.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
}

/// A consumer group of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: Vec<u8>,
    /// The entry delivered last.
    pub last_id: StreamId,
    /// How many entries the group has read, if that is known.
    pub entries_read: Option<u64>,
    /// Entries delivered and not acknowledged, by id.
    pub pending: Vec<Pending>,
    /// Consumers; no name twice.
    pub consumers: Vec<Consumer>,
}

/// An entry that was delivered and not acknowledged. It need not exist any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// The entry.
    pub id: StreamId,
    /// Index of the consumer that has it, in [`Group::consumers`].
    pub consumer: usize,
    /// When it was delivered last, Unix time in ms.
    pub delivered_ms: u64,
    /// How often it was delivered.
    pub deliveries: u64,
}

/// A consumer of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumer {
    /// Its name.
    pub name: Vec<u8>,
    /// When it last asked for something, Unix time in ms.
    pub seen_ms: u64,
    /// When it last got something, Unix time in ms; `None`: never.
    pub active_ms: Option<u64>,
}

impl Value {
    /// The oldest version, of those written here, that can tell the value.
    pub fn lowest_version(&self) -> u16 {
        match self {
            Value::Hash(fields) if fields.iter().any(|field| field.expire_ms.is_some()) => super::REDIS_7_4,
            _ => super::REDIS_7_0,
        }
    }
}

impl Stream {
    /// How many entries a group has read that stands at `id`, if that can be told: what Redis makes up for
    /// streams from before it counted.
    pub(super) fn entries_read_at(&self, id: StreamId) -> Option<u64> {
        let left = self.entries.len() as u64;
        if self.entries_added == 0 {
            return Some(0);
        }
        if id == self.last_id || (left == 0 && id < self.last_id) {
            return Some(self.entries_added);
        }
        // Behind the first entry, only counting would tell; past the end, nothing does; and among deleted
        // entries nobody knows how many there were.
        let holes = self.max_deleted_id != StreamId::default() && self.max_deleted_id >= self.first_id;
        if id > self.first_id || holes {
            return None;
        }
        Some(self.entries_added - left.min(self.entries_added) + u64::from(id == self.first_id))
    }
}
