//! The reads of a connection's socket, fair to the others of its thread.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::{Core, READ_ROOM};
use crate::socket::ReadHalf;

/// A read ended: the input has more.
pub(super) struct Brought;

/// The socket's reads, one for each turn of the connection's actor.
pub(super) struct Reader {
    half: ReadHalf,
    core: Rc<RefCell<Core>>,
    /// This turn has brought something.
    brought: bool,
    /// What was read is for the next turn.
    kept: bool,
}

impl Reader {
    pub(super) fn new(half: ReadHalf, core: Rc<RefCell<Core>>) -> Reader {
        Reader { half, core, brought: false, kept: false }
    }
}

impl Stream for Reader {
    type Item = Brought;

    /// A client that sends as fast as it is served always has more to read: the other connections would wait for
    /// sixteen reads of each such client. So the second read of a turn is kept until all others have had theirs, and
    /// until the sockets have been asked who else is there.
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Brought>> {
        let shared = self.core.clone();
        let mut core = shared.borrow_mut();
        if core.closed {
            return Poll::Ready(None);
        }
        if std::mem::take(&mut self.kept) {
            self.brought = true;
            return Poll::Ready(Some(Brought));
        }
        if !core.wants_input() {
            self.brought = false;
            core.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let room = core.room_for_read();
        core.input.reserve(room);
        match self.half.poll_read(cx, &mut core.input) {
            Poll::Pending => {
                self.brought = false;
                Poll::Pending
            }
            Poll::Ready(Ok(count)) if count > 0 => {
                let counters = &core.state.counters;
                counters.reads.fetch_add(1, Ordering::Relaxed);
                counters.input_bytes.fetch_add(count as u64, Ordering::Relaxed);
                if count >= core.read_room {
                    core.read_room = (core.read_room * 2).min(READ_ROOM.1);
                }
                if std::mem::replace(&mut self.brought, true) {
                    self.kept = true;
                    // Unlike a wake, it lets the runtime look at the sockets first.
                    return std::pin::pin!(tokio::task::yield_now()).poll(cx).map(|()| Some(Brought));
                }
                Poll::Ready(Some(Brought))
            }
            Poll::Ready(_) => Poll::Ready(None),
        }
    }
}
