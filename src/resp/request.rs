//! Requests: finds the commands in a read buffer.
//!
//! A request is an array of bulk strings (`*2\r\n$3\r\nGET\r\n$1\r\nk\r\n`) or, for people at a terminal, one line of
//! words (`GET k\r\n`). Two small combine parsers read the pieces (a line with a number, a payload), and [`Parser`]
//! drives them argument by argument. It keeps its place between calls, so that a request that arrives in many reads
//! costs as much as one that arrives whole: no byte is looked at twice, and a big argument is one comparison a read.
//!
//! The result is offsets into the caller's buffer, not copies. Words of inline requests may have escapes, so these,
//! and only these, are copied, into [`Batch::inline`].
//!
//! Like Redis, the parser takes any two bytes for the line end after a payload, and any byte for the `\n` after a
//! `\r`. Unlike Redis, whose C strings end there, it takes a NUL in a line for a byte like others, and it measures a
//! line against the limit even when all of it arrived at once.

use std::fmt;
use std::mem;

use combine::Parser as _;
use combine::error::{Commit, UnexpectedParse};
use memchr::memchr;

use super::inline;
use crate::number::parse_i64;

#[cfg(test)]
mod tests;

/// Most arguments in a request of a client that has not authenticated.
pub const UNAUTHENTICATED_ARGS: i64 = 10;
/// Most bytes in an argument of a client that has not authenticated.
pub const UNAUTHENTICATED_BULK_LEN: u64 = 16_384;

/// What a request may ask for. Each limit is the largest value that is accepted.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes in one argument (`proto-max-bulk-len`).
    pub max_bulk_len: u64,
    /// Arguments in one request, its name included; never more than `i32::MAX`.
    pub max_args: i64,
    /// Bytes in one line before its end: an inline request, or the number of an array or of a bulk string.
    pub max_inline: usize,
    /// Whether the client may send more than [`UNAUTHENTICATED_ARGS`] and [`UNAUTHENTICATED_BULK_LEN`]. While it is
    /// false, parse one command a call: the command may be the AUTH that lifts the limit for the next.
    pub authenticated: bool,
}

impl Default for Limits {
    /// 512 MiB an argument, 1,048,576 arguments, lines of 64 KiB, authenticated.
    fn default() -> Self {
        Limits { max_bulk_len: 512 << 20, max_args: 1 << 20, max_inline: 64 << 10, authenticated: true }
    }
}

/// One complete command of a [`Batch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command {
    /// Where its arguments start in [`Batch::ranges`].
    pub first: u32,
    /// How many arguments it has, its name included: at least 1.
    pub count: u32,
    /// The offset in the parsed buffer at which the command ends.
    pub end: u32,
    /// Whether its ranges point into [`Batch::inline`]; otherwise they point into the parsed buffer.
    pub inline: bool,
}

/// The commands that were found, flattened, so that a batch that is used again allocates nothing.
///
/// The offsets are relative to the start of the buffer of the call that appended them; clear the batch before
/// parsing another buffer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Start and end of each argument, for all commands one after the other.
    pub ranges: Vec<(u32, u32)>,
    /// The commands, in the order in which the client sent them.
    pub commands: Vec<Command>,
    /// The decoded words of inline commands.
    pub inline: Vec<u8>,
}

impl Batch {
    /// Forgets everything, and keeps as much memory as common batches need.
    pub fn clear(&mut self) {
        /// Entries; one huge request must not cost its connection megabytes for ever.
        const KEPT: usize = 16_384;
        self.ranges.clear();
        self.ranges.shrink_to(KEPT);
        self.commands.clear();
        self.commands.shrink_to(KEPT);
        self.inline.clear();
        self.inline.shrink_to(KEPT);
    }

    /// The arguments of `command`, the name first. `buffer` is what was parsed.
    pub fn arguments<'a>(
        &'a self,
        buffer: &'a [u8],
        command: &Command,
    ) -> impl ExactSizeIterator<Item = &'a [u8]> {
        let source = if command.inline { &self.inline } else { buffer };
        let first = command.first as usize;
        let ranges = &self.ranges[first..first + command.count as usize];
        ranges.iter().map(move |&(start, end)| &source[start as usize..end as usize])
    }
}

/// Why a stream of requests cannot be read on. The client is told, and its connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolError {
    /// The number after `*` is no number, or above the limit.
    InvalidMultibulkLength,
    /// More arguments than a client may send before it authenticates.
    UnauthenticatedMultibulkLength,
    /// The line after `*` does not end.
    TooBigMbulkCountString,
    /// An argument does not start with `$`, but with this byte.
    ExpectedDollar(u8),
    /// The number after `$` is no number, negative, or above the limit.
    InvalidBulkLength,
    /// A larger argument than a client may send before it authenticates.
    UnauthenticatedBulkLength,
    /// The line after `$` does not end.
    TooBigBulkCountString,
    /// An inline request does not end.
    TooBigInlineRequest,
    /// A quote in an inline request is not closed, or text follows it at once.
    UnbalancedQuotes,
}

impl ProtocolError {
    /// The text for the client, byte for byte as Redis writes it, without the `-ERR ` before it. It need not be
    /// UTF-8, since it may quote a byte of the request.
    pub fn message(&self) -> Vec<u8> {
        match *self {
            // Redis puts the byte into the reply as it is, but for line ends, which would end the reply.
            ProtocolError::ExpectedDollar(byte) => {
                let byte = if matches!(byte, b'\r' | b'\n') { b' ' } else { byte };
                let mut text = b"Protocol error: expected '$', got '".to_vec();
                text.extend_from_slice(&[byte, b'\'']);
                text
            }
            _ => self.to_string().into_bytes(),
        }
    }
}

impl fmt::Display for ProtocolError {
    /// Redis's text without the `-ERR ` before it; a byte above 127 appears as the character of that number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match *self {
            ProtocolError::InvalidMultibulkLength => "invalid multibulk length",
            ProtocolError::UnauthenticatedMultibulkLength => "unauthenticated multibulk length",
            ProtocolError::TooBigMbulkCountString => "too big mbulk count string",
            ProtocolError::InvalidBulkLength => "invalid bulk length",
            ProtocolError::UnauthenticatedBulkLength => "unauthenticated bulk length",
            ProtocolError::TooBigBulkCountString => "too big bulk count string",
            ProtocolError::TooBigInlineRequest => "too big inline request",
            ProtocolError::UnbalancedQuotes => "unbalanced quotes in request",
            ProtocolError::ExpectedDollar(byte) => {
                let byte = if matches!(byte, b'\r' | b'\n') { b' ' } else { byte };
                return write!(f, "Protocol error: expected '$', got '{}'", char::from(byte));
            }
        };
        write!(f, "Protocol error: {text}")
    }
}

impl std::error::Error for ProtocolError {}

/// An error, and how far the good commands before it went: those are in the batch, and are still to be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Bytes of the buffer that the complete commands took.
    pub consumed: usize,
    /// What is wrong with the bytes that follow.
    pub error: ProtocolError,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Failure {}

/// A request parser that goes on where the last read ended. All positions count from the start of the request that
/// is being read, which is also the start of the buffer at the next call.
#[derive(Clone, Debug, Default)]
pub struct Parser {
    /// How far the request was read.
    position: usize,
    /// Arguments that are still to come; 0 before the array's header.
    args_left: u32,
    /// The length of the argument at `position`, once its header was read.
    bulk_len: Option<usize>,
    /// Bytes after `position` in which the end of the line was looked for, and is not.
    searched: usize,
    /// The arguments of a request that was begun in an earlier call.
    pending: Vec<(u32, u32)>,
    /// Bytes that the argument at `position` lacks.
    wanted: usize,
    /// Bytes compared and arguments taken, to prove that work grows with the input only.
    #[cfg(test)]
    steps: usize,
}

impl Parser {
    /// A parser at the start of a stream.
    pub fn new() -> Self {
        Parser::default()
    }

    /// How many more bytes the argument needs in whose middle the buffer ended; 0 if it ended elsewhere. It is what
    /// the client claims: reserve no more than a fixed amount at once.
    pub fn bytes_wanted(&self) -> usize {
        self.wanted
    }

    /// How many places of words it keeps room for itself.
    #[cfg(any(test, feature = "fuzz"))]
    pub(crate) fn pending_capacity(&self) -> usize {
        self.pending.capacity()
    }

    /// Finds the complete commands in `buffer`, at most `max_commands`, and appends them to `batch`. Returns how many
    /// bytes they took; remove these from the buffer's front before the next call, and append what the socket brings.
    /// Empty requests (`\r\n`, `*0\r\n`, `*-1\r\n`) count among those bytes and leave nothing else.
    ///
    /// Offsets have 32 bits, so a request that is longer than 4 GiB never completes: bound what the buffer may hold.
    /// After an error the parser is at the start of a stream again; the old stream cannot be read on.
    pub fn parse(
        &mut self,
        buffer: &[u8],
        limits: &Limits,
        max_commands: usize,
        batch: &mut Batch,
    ) -> Result<usize, Failure> {
        let buffer = &buffer[..buffer.len().min(u32::MAX as usize)];
        let most = batch.commands.len().saturating_add(max_commands);
        let mut consumed = 0;
        while batch.commands.len() < most && consumed < buffer.len() {
            let first = batch.ranges.len();
            match self.request(&buffer[consumed..], consumed, limits, batch) {
                Ok(Some(end)) => {
                    consumed += end;
                    let count = batch.ranges.len() - first;
                    if count > 0 {
                        let inline = buffer[consumed - end] != b'*';
                        let (first, count, end) = (first as u32, count as u32, consumed as u32);
                        batch.commands.push(Command { first, count, end, inline });
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    batch.ranges.truncate(first);
                    *self = Parser::default();
                    return Err(Failure { consumed, error });
                }
            }
        }
        Ok(consumed)
    }

    /// Reads the request at the start of `rest`, which is at `base` in the buffer. Returns where it ends in `rest`, or
    /// `None` if it goes on after the buffer.
    #[inline]
    fn request(
        &mut self,
        rest: &[u8],
        base: usize,
        limits: &Limits,
        batch: &mut Batch,
    ) -> Result<Option<usize>, ProtocolError> {
        if self.args_left == 0 {
            if rest[0] != b'*' {
                return self.inline(rest, limits, batch);
            }
            let Some((count, position)) = self.array_header(rest, limits)? else { return Ok(None) };
            if count == 0 {
                return Ok(Some(position));
            }
            self.args_left = count;
            self.position = position;
        }
        let complete = if self.pending.is_empty() {
            let first = batch.ranges.len();
            let complete = self.arguments(rest, base, limits, &mut batch.ranges)?;
            if !complete {
                let base = base as u32;
                self.pending
                    .extend(batch.ranges.drain(first..).map(|(start, end)| (start - base, end - base)));
            }
            complete
        } else {
            // The request was the first in the buffer, so its offsets hold as they are. They stay here until it is
            // complete: moving them to the batch and back at each read would be work without bound.
            let mut pending = mem::take(&mut self.pending);
            let complete = self.arguments(rest, base, limits, &mut pending)?;
            if complete {
                batch.ranges.append(&mut pending);
            } else {
                self.pending = pending;
            }
            complete
        };
        Ok(complete.then(|| mem::take(&mut self.position)))
    }

    /// Reads `*count\r\n`. Returns the count, 0 for an empty request, and where the line ends.
    fn array_header(&mut self, rest: &[u8], limits: &Limits) -> Result<Option<(u32, usize)>, ProtocolError> {
        let Ok((line, after)) = length_line(self.searched, limits.max_inline).parse(rest) else {
            self.looked_at(rest.len() - self.searched);
            self.searched = rest.len() - 1;
            return Ok(None);
        };
        self.looked_at((rest.len() - after.len()).saturating_sub(self.searched));
        self.searched = 0;
        let count = match line {
            Line::TooLong => return Err(ProtocolError::TooBigMbulkCountString),
            Line::Number(count) => count,
            Line::Other => return Err(ProtocolError::InvalidMultibulkLength),
        };
        if count > limits.max_args.min(i64::from(i32::MAX)) {
            return Err(ProtocolError::InvalidMultibulkLength);
        }
        if count > UNAUTHENTICATED_ARGS && !limits.authenticated {
            return Err(ProtocolError::UnauthenticatedMultibulkLength);
        }
        Ok(Some((count.max(0) as u32, rest.len() - after.len())))
    }

    /// Reads arguments from `self.position` on, and appends their places to `ranges`. Returns whether all are there.
    #[inline]
    fn arguments(
        &mut self,
        rest: &[u8],
        base: usize,
        limits: &Limits,
        ranges: &mut Vec<(u32, u32)>,
    ) -> Result<bool, ProtocolError> {
        let mut input = &rest[self.position..];
        self.wanted = 0;
        while self.args_left > 0 {
            let len = match self.bulk_len {
                Some(len) => len,
                None => {
                    let Ok((line, after)) = length_line(self.searched, limits.max_inline).parse(input) else {
                        self.looked_at(input.len() - self.searched);
                        // The last byte may be the `\r` whose `\n` is to come.
                        self.searched = input.len().saturating_sub(1);
                        break;
                    };
                    self.looked_at((input.len() - after.len()).saturating_sub(self.searched));
                    self.searched = 0;
                    let len = bulk_len(line, input[0], limits)?;
                    input = after;
                    len
                }
            };
            self.looked_at(1);
            let Ok((_, after)) = payload(len).parse(input) else {
                self.bulk_len = Some(len);
                self.wanted = len.saturating_add(2) - input.len();
                break;
            };
            self.bulk_len = None;
            let start = base + rest.len() - input.len();
            ranges.push((start as u32, (start + len) as u32));
            input = after;
            self.args_left -= 1;
        }
        self.position = rest.len() - input.len();
        Ok(self.args_left == 0)
    }

    /// Reads a request that is a line of words.
    #[cold]
    fn inline(
        &mut self,
        rest: &[u8],
        limits: &Limits,
        batch: &mut Batch,
    ) -> Result<Option<usize>, ProtocolError> {
        let visible = &rest[..rest.len().min(limits.max_inline.saturating_add(1))];
        let searched = self.searched.min(visible.len());
        let Some(found) = memchr(b'\n', &visible[searched..]) else {
            self.looked_at(visible.len() - searched);
            if rest.len() > limits.max_inline {
                return Err(ProtocolError::TooBigInlineRequest);
            }
            self.searched = visible.len();
            return Ok(None);
        };
        self.looked_at(found + 1);
        let end = searched + found;
        self.searched = 0;
        let line = &rest[..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        inline::split(line, &mut batch.inline, &mut batch.ranges).ok_or(ProtocolError::UnbalancedQuotes)?;
        Ok(Some(end + 1))
    }

    #[cfg(test)]
    fn looked_at(&mut self, steps: usize) {
        self.steps += steps;
    }

    #[cfg(not(test))]
    #[inline(always)]
    fn looked_at(&mut self, _steps: usize) {}
}

/// Checks the header of an argument, whose line started with `first`.
#[inline]
fn bulk_len(line: Line, first: u8, limits: &Limits) -> Result<usize, ProtocolError> {
    if matches!(line, Line::TooLong) {
        return Err(ProtocolError::TooBigBulkCountString);
    }
    if first != b'$' {
        return Err(ProtocolError::ExpectedDollar(first));
    }
    let Line::Number(len) = line else { return Err(ProtocolError::InvalidBulkLength) };
    let Ok(len) = u64::try_from(len) else { return Err(ProtocolError::InvalidBulkLength) };
    if len > limits.max_bulk_len {
        return Err(ProtocolError::InvalidBulkLength);
    }
    if len > UNAUTHENTICATED_BULK_LEN && !limits.authenticated {
        return Err(ProtocolError::UnauthenticatedBulkLength);
    }
    usize::try_from(len).map_err(|_| ProtocolError::InvalidBulkLength)
}

/// A line that should be a mark and a number.
#[derive(Clone, Copy, Debug)]
enum Line {
    /// The number.
    Number(i64),
    /// What follows the first byte is no number of 64 bits.
    Other,
    /// No line end within the limit.
    TooLong,
}

/// Reads any byte, a number, and a line end. Fails if the line goes on after the input, which is the only failure, so
/// that "more is needed" cannot be taken for anything else. The first `searched` bytes hold no `\r`.
#[inline]
fn length_line<'a>(searched: usize, max_line: usize) -> impl combine::Parser<&'a [u8], Output = Line> {
    combine::parser(move |input: &mut &'a [u8]| {
        let bytes = *input;
        // What clients send: one to nine digits. Nine cannot overflow, and need no search for the end.
        let mut value = 0;
        let mut at = 1;
        while let Some(digit) = bytes.get(at).map(|byte| byte.wrapping_sub(b'0'))
            && digit < 10
            && at < 10
        {
            value = value * 10 + i64::from(digit);
            at += 1;
        }
        let canonical = at == 2 || (at > 2 && bytes[1] != b'0');
        if canonical && at + 1 < bytes.len() && bytes[at] == b'\r' && at <= max_line {
            *input = &bytes[at + 2..];
            return Ok((Line::Number(value), Commit::Commit(())));
        }
        let visible = &bytes[..bytes.len().min(max_line.saturating_add(1))];
        match memchr(b'\r', &visible[searched.min(visible.len())..]).map(|found| searched + found) {
            Some(end) if end + 2 <= bytes.len() => {
                *input = &bytes[end + 2..];
                // The line is its own end if it starts with `\r`: then there is no number, and no mark either.
                let number = bytes[..end].get(1..).and_then(parse_i64);
                Ok((number.map_or(Line::Other, Line::Number), Commit::Commit(())))
            }
            None if bytes.len() > max_line => Ok((Line::TooLong, Commit::Commit(()))),
            _ => Err(Commit::Peek(UnexpectedParse::Eoi.into())),
        }
    })
}

/// Takes `len` bytes and the line end after them. Fails if they are not all there.
#[inline]
fn payload<'a>(len: usize) -> impl combine::Parser<&'a [u8], Output = ()> {
    combine::parser(move |input: &mut &'a [u8]| {
        if input.len() < 2 || input.len() - 2 < len {
            return Err(Commit::Peek(UnexpectedParse::Eoi.into()));
        }
        *input = &input[len + 2..];
        Ok(((), Commit::Commit(())))
    })
}
