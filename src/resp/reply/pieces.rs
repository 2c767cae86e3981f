//! Long replies: what is final of one leaves, piece by piece, while the rest is still being made.

use bytes::BytesMut;

use super::Reply;

/// Takes the pieces of a reply, in order.
pub trait Pieces: std::fmt::Debug + Send {
    /// Takes the next piece. It may wait until there is room for it.
    fn take(&mut self, piece: BytesMut);
}

impl Reply {
    /// From here on what is final goes to `pieces` as soon as it is `piece` bytes or more; the last piece stays.
    pub fn leave_to(&mut self, pieces: Box<dyn Pieces>, piece: usize) {
        self.pieces = Some((pieces, piece));
        self.gone = 0;
    }

    /// Ends [`Reply::leave_to`]; how many bytes have left.
    pub fn stay(&mut self) -> u64 {
        self.pieces = None;
        std::mem::take(&mut self.gone)
    }

    /// Whether pieces have left.
    pub fn has_left(&self) -> bool {
        self.gone > 0
    }

    /// Whether pieces may leave: then a header comes first, and the number in it has to be known, at the price of
    /// counting.
    pub fn leaves(&self) -> bool {
        self.pieces.is_some()
    }

    /// Says that what was written so far is final: nothing can stop the command any more, nor send it elsewhere. If it
    /// is long enough, it leaves. Not while there is a [`super::Deferred`] header to be written.
    #[inline]
    pub fn may_leave(&mut self) {
        if self.pieces.is_some() {
            self.leave();
        }
    }

    fn leave(&mut self) {
        let Some((pieces, least)) = &mut self.pieces else { return };
        if self.buffer.len() >= *least && !self.buffer.is_empty() {
            // The next one is seldom much longer.
            let piece = std::mem::replace(&mut self.buffer, BytesMut::with_capacity(*least + *least / 8));
            self.gone += piece.len() as u64;
            pieces.take(piece);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Debug, Clone, Default)]
    struct Taken(Arc<Mutex<Vec<Vec<u8>>>>);

    impl Pieces for Taken {
        fn take(&mut self, piece: BytesMut) {
            self.0.lock().unwrap().push(piece.to_vec());
        }
    }

    #[test]
    fn what_is_final_and_long_enough_leaves_and_the_rest_stays() {
        let (mut reply, taken) = (Reply::default(), Taken::default());
        reply.bulk(b"before");
        reply.may_leave();
        assert!(!reply.leaves() && !reply.has_left(), "nobody takes pieces yet");
        reply.leave_to(Box::new(taken.clone()), 20);
        reply.may_leave();
        assert!(!reply.has_left(), "it is too short");
        reply.bulk(b"12345");
        assert!(!reply.has_left(), "nobody said that it is final");
        reply.may_leave();
        reply.bulk(b"last");
        reply.may_leave();
        assert_eq!(*taken.0.lock().unwrap(), [b"$6\r\nbefore\r\n$5\r\n12345\r\n".to_vec()]);
        assert_eq!(reply.as_slice(), b"$4\r\nlast\r\n");
        assert_eq!(reply.stay(), 23);
        assert!(!reply.leaves() && !reply.has_left());
    }
}
