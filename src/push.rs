//! What the server sends a client that did not ask for it just now: messages of channels, invalidations of tracked
//! keys, MONITOR's lines.
//!
//! A push is formatted once and shared by all who get it. Nearly all differ between the protocols in their first byte
//! only: RESP3 has a type for pushes (`>`), where RESP2 sends an array (`*`).

use bytes::{Bytes, BytesMut};

use crate::resp::{Protocol, Reply};

/// The channel on which a RESP2 client hears of invalidated keys of another one that redirects to it.
pub const INVALIDATE_CHANNEL: &[u8] = b"__redis__:invalidate";

/// See the module's documentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    resp3: Bytes,
    resp2: Resp2,
    /// The client whose command brought it about; 0 if none did.
    pub cause: u64,
}

/// What a client of RESP2 gets.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Resp2 {
    /// The same as an array.
    Array,
    /// The very same.
    Same,
    /// Something else, if it is subscribed to anything.
    Subscribed(Bytes),
    /// Nothing.
    Nothing,
}

fn formatted(write: impl FnOnce(&mut Reply)) -> Bytes {
    let mut reply = Reply::new(Protocol::Resp3);
    write(&mut reply);
    reply.take().freeze()
}

impl Push {
    /// A message of a channel: `word` is `message` or `smessage`.
    pub fn message(word: &str, channel: &[u8], message: &[u8], cause: u64) -> Push {
        let mut reply =
            Reply::with_buffer(BytesMut::with_capacity(channel.len() + message.len() + 64), Protocol::Resp3);
        reply.push(3);
        reply.bulk_text(word);
        reply.bulk(channel);
        reply.bulk(message);
        Push { resp3: reply.take().freeze(), resp2: Resp2::Array, cause }
    }

    /// A message of a channel for those who subscribed to a pattern.
    pub fn pattern_message(pattern: &[u8], channel: &[u8], message: &[u8], cause: u64) -> Push {
        let resp3 = formatted(|reply| {
            reply.push(4);
            reply.bulk_text("pmessage");
            reply.bulk(pattern);
            reply.bulk(channel);
            reply.bulk(message);
        });
        Push { resp3, resp2: Resp2::Array, cause }
    }

    /// Tracked keys changed; `None`: all that there are. `redirected`: it goes to another client than the one that
    /// tracks them, which in RESP2 is possible at all only if that one is subscribed.
    pub fn invalidation(keys: Option<&[&[u8]]>, redirected: bool, cause: u64) -> Push {
        let write_keys = |reply: &mut Reply| match keys {
            None => reply.null(),
            Some(keys) => {
                reply.array(keys.len());
                keys.iter().for_each(|key| reply.bulk(key));
            }
        };
        let resp3 = formatted(|reply| {
            reply.push(2);
            reply.bulk_text("invalidate");
            write_keys(reply);
        });
        let resp2 = if redirected {
            let mut reply = Reply::new(Protocol::Resp2);
            reply.array(3);
            reply.bulk_text("message");
            reply.bulk(INVALIDATE_CHANNEL);
            write_keys(&mut reply);
            Resp2::Subscribed(reply.take().freeze())
        } else {
            Resp2::Nothing
        };
        Push { resp3, resp2, cause }
    }

    /// The client that gets another one's invalidations is gone.
    pub fn broken_redirection(redirect: u64) -> Push {
        let resp3 = formatted(|reply| {
            reply.push(2);
            reply.bulk_text("tracking-redir-broken");
            reply.integer(redirect as i64);
        });
        Push { resp3, resp2: Resp2::Nothing, cause: 0 }
    }

    /// A whole reply that is the same in both protocols.
    pub fn line(bytes: impl Into<Bytes>) -> Push {
        Push { resp3: bytes.into(), resp2: Resp2::Same, cause: 0 }
    }

    /// How many bytes it has, about: in either protocol.
    pub fn size(&self) -> usize {
        match &self.resp2 {
            Resp2::Subscribed(other) => other.len().max(self.resp3.len()),
            _ => self.resp3.len(),
        }
    }

    /// Appends it for a client of a protocol. `subscribed`: the client is subscribed to anything.
    pub fn write(&self, out: &mut BytesMut, protocol: Protocol, subscribed: bool) {
        match (protocol, &self.resp2) {
            (Protocol::Resp3, _) | (_, Resp2::Same) => out.extend_from_slice(&self.resp3),
            (Protocol::Resp2, Resp2::Array) => {
                let start = out.len();
                out.extend_from_slice(&self.resp3);
                out[start] = b'*';
            }
            (Protocol::Resp2, Resp2::Subscribed(other)) if subscribed => out.extend_from_slice(other),
            (Protocol::Resp2, _) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(push: &Push, subscribed: bool) -> (String, String) {
        let text = |protocol| {
            let mut out = BytesMut::from(&b"|"[..]);
            push.write(&mut out, protocol, subscribed);
            String::from_utf8(out.to_vec()).expect("text").replace("\r\n", " ")
        };
        (text(Protocol::Resp2), text(Protocol::Resp3))
    }

    #[test]
    fn a_message_is_an_array_in_resp2_and_a_push_in_resp3() {
        let push = Push::message("message", b"c", b"hi", 0);
        let tail = "3 $7 message $1 c $2 hi ";
        assert_eq!(both(&push, true), (format!("|*{tail}"), format!("|>{tail}")));
        let push = Push::pattern_message(b"c*", b"c", b"", 0);
        let tail = "4 $8 pmessage $2 c* $1 c $0  ";
        assert_eq!(both(&push, true), (format!("|*{tail}"), format!("|>{tail}")));
    }

    #[test]
    fn an_invalidation_reaches_resp2_only_by_redirection_to_a_subscriber() {
        let keys: &[&[u8]] = &[b"a", b"b"];
        let push = Push::invalidation(Some(keys), false, 0);
        let resp3 = "|>2 $10 invalidate *2 $1 a $1 b ".to_string();
        assert_eq!(both(&push, true), ("|".into(), resp3.clone()));
        let push = Push::invalidation(Some(keys), true, 0);
        assert_eq!(both(&push, false), ("|".into(), resp3.clone()));
        assert_eq!(
            both(&push, true),
            ("|*3 $7 message $20 __redis__:invalidate *2 $1 a $1 b ".into(), resp3)
        );
        let all = Push::invalidation(None, true, 0);
        assert_eq!(
            both(&all, true),
            ("|*3 $7 message $20 __redis__:invalidate $-1 ".into(), "|>2 $10 invalidate _ ".into())
        );
    }

    #[test]
    fn a_line_is_the_same_in_both() {
        assert_eq!(both(&Push::line("+x\r\n"), false), ("|+x ".into(), "|+x ".into()));
    }
}
