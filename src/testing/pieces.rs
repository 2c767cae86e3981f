//! Pieces of a reply that have left.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::BytesMut;

use crate::resp::{Pieces, Reply};

/// Keeps what leaves.
#[derive(Debug, Clone, Default)]
pub(super) struct Gone(Arc<Mutex<Vec<u8>>>);

impl Pieces for Gone {
    fn take(&mut self, piece: BytesMut) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&piece);
    }
}

impl Gone {
    /// Makes the reply whole again.
    pub(super) fn put_before(&self, reply: &mut Reply) {
        let mut whole = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        whole.extend_from_slice(reply.as_slice());
        reply.truncate(0);
        reply.raw(&whole);
    }
}
