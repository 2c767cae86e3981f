//! Long replies that begin: not before the log has what they speak of.

use super::Host;
use crate::message::{Begin, Begun};

impl Host {
    pub(super) fn begin_reply(&mut self, begin: Begin) {
        self.held_replies.push(begin);
        self.begin_held_replies();
        if !self.held_replies.is_empty() {
            self.send_tick();
        }
    }

    /// Lets those begin whose group the log has. They come before the rest of the same replies, which waits too.
    pub(super) fn begin_held_replies(&mut self) {
        let logged = self.logged;
        for Begin { receiver, client, .. } in self.held_replies.extract_if(.., |one| one.hold <= logged) {
            client.do_send(Begun(receiver));
        }
    }
}
