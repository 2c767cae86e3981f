//! How far a comparison is, and what it found: for STATUS and INFO.

use super::{Key, Span};

/// The most keys that are named.
pub const NAMED: usize = 100;

/// What becomes of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    /// There was none since the start.
    #[default]
    None,
    /// It is under way.
    Running,
    /// It has looked at everything.
    Done,
    /// It was stopped.
    Stopped,
    /// It could not go on: [`Status::error`] says why.
    Failed,
}

impl State {
    /// As STATUS and INFO show it.
    pub fn name(self) -> &'static str {
        match self {
            State::None => "none",
            State::Running => "running",
            State::Done => "done",
            State::Stopped => "stopped",
            State::Failed => "failed",
        }
    }
}

/// See the module's documentation. Times are Unix times in ms.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// What became of it.
    pub state: State,
    /// The other server, as `host:port`.
    pub with: String,
    /// How it compares: in words.
    pub how: &'static str,
    /// The offset that both sides' data is of; `None` if there is no such offset.
    pub offset: Option<u64>,
    /// Keys that are repaired.
    pub repairs: bool,
    /// When it began.
    pub began_ms: u64,
    /// When it ended; 0 while it runs.
    pub ended_ms: u64,
    /// Up to which position everything is compared, of [`Span::ALL`].
    pub position: u64,
    /// Keys of this server that were looked at.
    pub keys: u64,
    /// Keys that were looked at more than once, as they seemed to differ.
    pub suspects: u64,
    /// Keys that differ.
    pub different: u64,
    /// The first of them, up to [`NAMED`].
    pub named: Vec<Key>,
    /// Keys that differed, and do no more.
    pub repaired: u64,
    /// Keys that changed too often to be compared.
    pub changing: u64,
    /// Whether the libraries of functions are the same; `None`: not known.
    pub functions: Option<bool>,
    /// Why it failed, or why keys could not be repaired.
    pub error: String,
}

impl Status {
    /// How much of the keyspace is compared, in hundredths of a percent.
    pub fn hundredths(&self) -> u64 {
        (u128::from(self.position) * 10_000 / u128::from(Span::ALL.to)) as u64
    }

    /// How much of it, in percent, as text.
    pub fn percent(&self) -> String {
        format!("{}.{:02}", self.hundredths() / 100, self.hundredths() % 100)
    }

    /// How long it has taken, or took; ms.
    pub fn took_ms(&self, now_ms: u64) -> u64 {
        let end_ms = if self.ended_ms > 0 { self.ended_ms } else { now_ms };
        if self.state == State::None { 0 } else { end_ms.saturating_sub(self.began_ms) }
    }

    /// In words, whether functions are the same.
    pub fn functions(&self) -> &'static str {
        match self.functions {
            Some(true) => "same",
            Some(false) => "different",
            None => "unknown",
        }
    }
}
