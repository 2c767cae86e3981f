//! Why a command did not come to its end: an error, a need, a wait.

use std::borrow::Cow;

use crate::encoding::key::KeyBuf;
use crate::engine::{EngineError, Family, Range};

/// A command's own error, as the client sees it: the code, a space, the text. Bytes, since it may quote the client.
pub type ErrorText = std::borrow::Cow<'static, [u8]>;

/// Why a command did not come to its end.
#[derive(Debug)]
pub enum Stop {
    /// It is refused; the client gets this error.
    Error(ErrorText),
    /// It needs what is not at hand. Nothing happened; run it again when it is.
    Need(Vec<Need>),
    /// It asks for a count while blind writes are not settled. Hand off, wait, run it again.
    Settle,
    /// There is nothing to take yet. Nothing happened; run it again when one of the keys changed, or answer what it
    /// says when the time is over. Inside MULTI and scripts that is at once.
    Block(Box<Block>),
    /// It cannot go on with what it has. Nothing happened; run it again there.
    Elsewhere(Place),
    /// The engine failed.
    Engine(EngineError),
}

/// Where a command has to run that cannot run where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On a thread that may wait, over the same partition.
    Alone,
    /// On a thread that may wait, over all partitions.
    Everywhere,
}

impl Stop {
    /// Refuses a command.
    pub fn error(text: impl Into<Cow<'static, str>>) -> Stop {
        Stop::Error(match text.into() {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        })
    }

    /// Refuses a command with a text, in parts, that quotes words of the client byte for byte.
    pub fn quoting(parts: &[&[u8]]) -> Stop {
        Stop::Error(Cow::Owned(parts.concat()))
    }

    /// The key holds another type.
    pub fn wrong_type() -> Stop {
        Stop::error("WRONGTYPE Operation against a key holding the wrong kind of value")
    }
}

impl From<EngineError> for Stop {
    fn from(error: EngineError) -> Stop {
        Stop::Engine(error)
    }
}

/// A command that found nothing to take, and waits until there is something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The keys that it waits for.
    pub keys: Vec<Vec<u8>>,
    /// How long; `None`: for ever.
    pub timeout_ms: Option<u64>,
    /// What to run when a key changed, if it is not the command as it came (XREAD: `$` became an id).
    pub retry: Option<Vec<Vec<u8>>>,
    /// What the client gets when the time is over.
    pub otherwise: Otherwise,
}

/// The reply to a command that waited in vain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Otherwise {
    /// A null array.
    NullArray,
    /// A null bulk string.
    Null,
    /// A null array when the time is over; a null bulk string where nothing may wait (MULTI, scripts).
    NullArrayOrNull,
}

impl Otherwise {
    /// Writes it when the time is over.
    pub fn write(self, reply: &mut crate::resp::Reply) {
        match self {
            Otherwise::NullArray | Otherwise::NullArrayOrNull => reply.null_array(),
            Otherwise::Null => reply.null(),
        }
    }

    /// Writes it where nothing may wait.
    pub fn write_at_once(self, reply: &mut crate::resp::Reply) {
        match self {
            Otherwise::NullArray => reply.null_array(),
            Otherwise::Null | Otherwise::NullArrayOrNull => reply.null(),
        }
    }
}

/// Something that a command has to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// One entry.
    Key(Family, KeyBuf),
    /// All entries of a range, or as many as the command takes.
    Range(Family, Range),
}
