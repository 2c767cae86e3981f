//! What is known of a key.

use super::Stop;
use crate::encoding::key::{self, KeyBuf, Namespace};
use crate::encoding::meta::{Meta, Type};
use crate::keyspace::slot::Slot;
use crate::keyspace::table::Value;

/// What is known of a key: where it stands and what it holds.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Slot of the key.
    pub slot: Slot,
    /// Namespace of its database.
    pub namespace: Namespace,
    pub(super) meta_key: KeyBuf,
    pub(super) stored: Stored,
    pub(super) expired: bool,
}

#[derive(Debug, Clone)]
pub(super) enum Stored {
    Absent,
    Present(Value),
    /// Nobody looked.
    Unknown,
}

impl Entry {
    /// What the key holds; `None` if it does not exist or its time has come.
    pub fn meta(&self) -> Option<Meta<'_>> {
        match &self.stored {
            // Bytes that do not parse were refused when they were read.
            Stored::Present(value) if !self.expired => Meta::parse(value),
            _ => None,
        }
    }

    /// As if its time had not come, if it is still there: for what looks behind the scenes (DEBUG).
    pub fn even_if_due(mut self) -> Entry {
        self.expired = false;
        self
    }

    /// Whether the key exists.
    pub fn exists(&self) -> bool {
        !self.expired && matches!(self.stored, Stored::Present(_))
    }

    /// The user's key.
    pub fn key(&self) -> &[u8] {
        &self.meta_key[key::META_PREFIX..]
    }

    /// The Meta key.
    pub fn meta_key(&self) -> &[u8] {
        &self.meta_key
    }

    /// What the key holds if it is of `kind`; WRONGTYPE if it is of another.
    pub fn typed(&self, kind: Type) -> Result<Option<Meta<'_>>, Stop> {
        match self.meta() {
            Some(meta) if meta.kind != kind => Err(Stop::wrong_type()),
            found => Ok(found),
        }
    }
}

impl Entry {
    /// What is stored, though its time may have come.
    pub(super) fn stored_meta(&self) -> Option<Meta<'_>> {
        match &self.stored {
            Stored::Present(value) => Meta::parse(value),
            _ => None,
        }
    }
}
