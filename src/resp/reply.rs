//! Replies: each is formatted straight into the buffer that goes to the socket, in the client's protocol.
//!
//! A type that RESP2 lacks is written as what Redis sends instead: a map as an array of twice the length, a double as
//! a bulk string, a boolean as 1 or 0. A command is thus written once, for both.

use bytes::{BufMut, BytesMut};

use crate::number::{Decimal, write_f64};

mod pieces;
#[cfg(test)]
mod tests;

pub use pieces::Pieces;

/// The version of the protocol that a client asked for with HELLO.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// Version 2, which every connection starts with.
    #[default]
    Resp2,
    /// Version 3.
    Resp3,
}

/// Where a header of unknown length goes: see [`Reply::deferred`].
#[derive(Debug)]
#[must_use = "without its header the reply is broken"]
pub struct Deferred {
    /// Offset of the place in the buffer.
    position: usize,
}

/// A writer of replies.
#[derive(Debug, Default)]
pub struct Reply {
    buffer: BytesMut,
    protocol: Protocol,
    /// Where pieces of it go before it is whole, and from how many bytes on.
    pieces: Option<(Box<dyn Pieces>, usize)>,
    /// How many bytes of it went there.
    gone: u64,
}

impl Reply {
    /// A writer with an empty buffer.
    pub fn new(protocol: Protocol) -> Self {
        Reply { protocol, ..Reply::default() }
    }

    /// A writer that appends to `buffer`.
    pub fn with_buffer(buffer: BytesMut, protocol: Protocol) -> Self {
        Reply { buffer, protocol, ..Reply::default() }
    }

    /// The protocol in which it writes.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Changes the protocol for what is written from here on (HELLO).
    pub fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
    }

    /// Bytes in the buffer.
    pub fn len(&self) -> usize {
        self.buffer.len()
    }

    /// Whether the buffer is empty.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Takes back all but the first `len` bytes: what a command wrote that has to run again.
    pub fn truncate(&mut self, len: usize) {
        self.buffer.truncate(len);
    }

    /// Hands out what was written, and leaves an empty buffer (which may use the rest of the same memory).
    pub fn take(&mut self) -> BytesMut {
        self.buffer.split()
    }

    /// What was written.
    pub fn as_slice(&self) -> &[u8] {
        &self.buffer
    }

    /// `+OK`.
    pub fn ok(&mut self) {
        self.buffer.extend_from_slice(b"+OK\r\n");
    }

    /// A status line; a line end in `text` becomes a space.
    pub fn simple(&mut self, text: &str) {
        self.line(b'+', text.as_bytes());
    }

    /// An error: the whole text with its code (`ERR no such key`); a line end in it becomes a space. It need not be
    /// UTF-8, because it may quote what the client sent.
    pub fn error(&mut self, text: impl AsRef<[u8]>) {
        self.line(b'-', text.as_ref());
    }

    /// [`Reply::error`] of bytes.
    pub fn error_bytes(&mut self, text: &[u8]) {
        self.error(text);
    }

    /// An integer.
    pub fn integer(&mut self, value: i64) {
        self.header(b':', value);
    }

    /// A bulk string.
    pub fn bulk(&mut self, value: &[u8]) {
        // Room for the header and both line ends, so that the buffer grows once.
        self.buffer.reserve(value.len() + 32);
        self.header(b'$', length(value.len()));
        self.buffer.extend_from_slice(value);
        self.buffer.extend_from_slice(b"\r\n");
    }

    /// A bulk string of so many zero bytes, to be filled in place: what is put together needs no copy.
    pub fn bulk_zeroed(&mut self, len: usize) -> &mut [u8] {
        self.buffer.reserve(len + 32);
        self.header(b'$', length(len));
        let start = self.buffer.len();
        self.buffer.put_bytes(0, len);
        self.buffer.extend_from_slice(b"\r\n");
        &mut self.buffer[start..start + len]
    }

    /// A bulk string.
    pub fn bulk_text(&mut self, value: &str) {
        self.bulk(value.as_bytes());
    }

    /// An integer as a bulk string: how a string or a field is read that holds a number.
    pub fn bulk_integer(&mut self, value: i64) {
        self.bulk(Decimal::new(value).as_bytes());
    }

    /// No value, where a value could be: `$-1`, in RESP3 `_`.
    pub fn null(&mut self) {
        self.buffer.extend_from_slice(if self.is_resp3() { b"_\r\n" } else { b"$-1\r\n" });
    }

    /// No value, where an array could be: `*-1`, in RESP3 `_`.
    pub fn null_array(&mut self) {
        self.buffer.extend_from_slice(if self.is_resp3() { b"_\r\n" } else { b"*-1\r\n" });
    }

    /// The header of an array; `len` replies follow.
    pub fn array(&mut self, len: usize) {
        self.header(b'*', length(len));
    }

    /// The header of a map; `len` pairs follow. In RESP2 an array of `2 * len`.
    pub fn map(&mut self, len: usize) {
        let (mark, len) = self.map_header(len);
        self.header(mark, len);
    }

    /// The header of a set; `len` replies follow. In RESP2 an array.
    pub fn set(&mut self, len: usize) {
        let mark = self.mark(b'~');
        self.header(mark, length(len));
    }

    /// The header of a message that answers no command; `len` replies follow. In RESP2 an array.
    pub fn push(&mut self, len: usize) {
        let mark = self.mark(b'>');
        self.header(mark, length(len));
    }

    /// The header of attributes of the reply that comes after them; `len` pairs follow. RESP2 has nothing like it:
    /// there nothing is written, and false says that the pairs must be left out as well.
    #[must_use = "in RESP2 the pairs must be left out"]
    pub fn attribute(&mut self, len: usize) -> bool {
        if self.is_resp3() {
            self.header(b'|', length(len));
        }
        self.is_resp3()
    }

    /// A floating-point number in its shortest form, or `inf`, `-inf`, `nan`. In RESP2 a bulk string.
    pub fn double(&mut self, value: f64) {
        if self.is_resp3() {
            self.buffer.put_u8(b',');
            write_f64(&mut self.buffer, value);
            self.buffer.extend_from_slice(b"\r\n");
        } else {
            let mut text = Vec::with_capacity(32);
            write_f64(&mut text, value);
            self.bulk(&text);
        }
    }

    /// A boolean. In RESP2 the integer 1 or 0.
    pub fn boolean(&mut self, value: bool) {
        let text = match (self.protocol, value) {
            (Protocol::Resp2, true) => b":1\r\n",
            (Protocol::Resp2, false) => b":0\r\n",
            (Protocol::Resp3, true) => b"#t\r\n",
            (Protocol::Resp3, false) => b"#f\r\n",
        };
        self.buffer.extend_from_slice(text);
    }

    /// An integer of any size, in decimal. In RESP2 a bulk string.
    pub fn big_number(&mut self, digits: &str) {
        if self.is_resp3() { self.line(b'(', digits.as_bytes()) } else { self.bulk_text(digits) }
    }

    /// Text for people; `format` is `txt` or `mkd`, three bytes. In RESP2 a bulk string without the format.
    pub fn verbatim(&mut self, format: &str, text: &[u8]) {
        if !self.is_resp3() {
            return self.bulk(text);
        }
        debug_assert_eq!(format.len(), 3);
        self.buffer.reserve(text.len() + 40);
        self.header(b'=', length(format.len() + 1 + text.len()));
        self.buffer.extend_from_slice(format.as_bytes());
        self.buffer.put_u8(b':');
        self.buffer.extend_from_slice(text);
        self.buffer.extend_from_slice(b"\r\n");
    }

    /// Bytes that are replies already.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Keeps the place of a header whose length is known only after what follows it was written. Give the mark to one
    /// of the `set_*_len` functions; of several, to the last first. What follows is moved to make room.
    pub fn deferred(&mut self) -> Deferred {
        Deferred { position: self.buffer.len() }
    }

    /// Writes the header of an array at `mark`.
    pub fn set_array_len(&mut self, mark: Deferred, len: usize) {
        self.insert_header(mark, b'*', length(len));
    }

    /// Writes the header of a map of `len` pairs at `mark`.
    pub fn set_map_len(&mut self, mark: Deferred, len: usize) {
        let (kind, len) = self.map_header(len);
        self.insert_header(mark, kind, len);
    }

    /// Writes the header of a set at `mark`.
    pub fn set_set_len(&mut self, mark: Deferred, len: usize) {
        let kind = self.mark(b'~');
        self.insert_header(mark, kind, length(len));
    }

    fn is_resp3(&self) -> bool {
        self.protocol == Protocol::Resp3
    }

    /// `resp3`, or in RESP2 the mark of an array.
    fn mark(&self, resp3: u8) -> u8 {
        if self.is_resp3() { resp3 } else { b'*' }
    }

    fn map_header(&self, len: usize) -> (u8, i64) {
        if self.is_resp3() { (b'%', length(len)) } else { (b'*', length(len).saturating_mul(2)) }
    }

    /// Writes a mark, a number and a line end.
    #[inline]
    fn header(&mut self, mark: u8, value: i64) {
        if (0..10).contains(&value) {
            self.buffer.extend_from_slice(&[mark, b'0' + value as u8, b'\r', b'\n']);
            return;
        }
        let (line, len) = header_line(mark, value);
        self.buffer.extend_from_slice(&line[..len]);
    }

    fn insert_header(&mut self, at: Deferred, mark: u8, value: i64) {
        let (line, len) = header_line(mark, value);
        let end = self.buffer.len();
        self.buffer.extend_from_slice(&line[..len]);
        self.buffer.copy_within(at.position..end, at.position + len);
        self.buffer[at.position..at.position + len].copy_from_slice(&line[..len]);
    }

    fn line(&mut self, mark: u8, text: &[u8]) {
        self.buffer.reserve(text.len() + 3);
        self.buffer.put_u8(mark);
        let start = self.buffer.len();
        self.buffer.extend_from_slice(text);
        for byte in &mut self.buffer[start..] {
            if matches!(*byte, b'\r' | b'\n') {
                *byte = b' ';
            }
        }
        self.buffer.extend_from_slice(b"\r\n");
    }
}

/// A length as the protocol's integer.
fn length(len: usize) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}

/// A mark, a number and a line end, and how many bytes they are.
#[inline]
fn header_line(mark: u8, value: i64) -> ([u8; 24], usize) {
    let number = Decimal::new(value);
    let digits = number.as_bytes();
    let mut line = [0; 24];
    line[0] = mark;
    line[1..=digits.len()].copy_from_slice(digits);
    line[digits.len() + 1] = b'\r';
    line[digits.len() + 2] = b'\n';
    (line, digits.len() + 3)
}
