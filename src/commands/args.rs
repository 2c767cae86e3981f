//! A command's words, and the cursor that commands read their options with.

use crate::keyspace::transaction::Stop;
use crate::number;

/// The words of one command: ranges of one frame. Word 0 is the command's name.
#[derive(Debug, Clone, Copy)]
pub struct Args<'a> {
    frame: &'a [u8],
    ranges: &'a [(u32, u32)],
}

impl<'a> Args<'a> {
    /// Words at `ranges` (start and end) of `frame`.
    pub fn new(frame: &'a [u8], ranges: &'a [(u32, u32)]) -> Args<'a> {
        Args { frame, ranges }
    }

    /// How many words, the name included.
    #[expect(clippy::len_without_is_empty, reason = "there always is the name")]
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// A word; empty if there are not so many (arity was checked before).
    pub fn word(&self, index: usize) -> &'a [u8] {
        self.ranges.get(index).map_or(&[][..], |&(start, end)| &self.frame[start as usize..end as usize])
    }

    /// All words.
    pub fn words(self) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone {
        (0..self.len()).map(move |index| self.word(index))
    }

    /// The words from `index` on.
    pub fn from(self, index: usize) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone {
        (index..self.len()).map(move |index| self.word(index))
    }

    /// The words from `index` on, as a command of their own.
    pub fn skip(self, index: usize) -> Args<'a> {
        Args { frame: self.frame, ranges: self.ranges.get(index..).unwrap_or_default() }
    }

    /// The words before `end`, as a command of their own.
    pub fn up_to(self, end: usize) -> Args<'a> {
        Args { frame: self.frame, ranges: self.ranges.get(..end).unwrap_or(self.ranges) }
    }

    /// A word as an integer, or Redis's error.
    pub fn integer(&self, index: usize) -> Result<i64, Stop> {
        number::parse_i64(self.word(index)).ok_or_else(not_an_integer)
    }

    /// A cursor that begins at `index`.
    pub fn cursor(self, index: usize) -> Cursor<'a> {
        Cursor { args: self, index }
    }
}

/// `ERR value is not an integer or out of range`.
pub fn not_an_integer() -> Stop {
    Stop::error("ERR value is not an integer or out of range")
}

/// `ERR syntax error`.
pub fn syntax_error() -> Stop {
    Stop::error("ERR syntax error")
}

/// What some commands say to subcommands that they do not know, or that have other arguments than they gave.
pub fn wrong_subcommand(args: Args<'_>) -> Stop {
    const LONGEST_QUOTE: usize = 128;
    let word = args.word(1);
    let quoted = &word[..word.len().min(LONGEST_QUOTE)];
    let command = args.word(0).to_ascii_uppercase();
    let before = b"ERR unknown subcommand or wrong number of arguments for '";
    Stop::quoting(&[before, quoted, b"'. Try ", &command, b" HELP."])
}

/// Reads words one by one.
#[derive(Debug, Clone)]
pub struct Cursor<'a> {
    args: Args<'a>,
    index: usize,
}

impl<'a> Cursor<'a> {
    /// The next word; a syntax error if there is none.
    pub fn word(&mut self) -> Result<&'a [u8], Stop> {
        self.next().ok_or_else(syntax_error)
    }

    /// The next word as an integer.
    pub fn integer(&mut self) -> Result<i64, Stop> {
        number::parse_i64(self.word()?).ok_or_else(not_an_integer)
    }

    /// Moves past the next word if it is `name` in any case.
    pub fn eat(&mut self, name: &str) -> bool {
        let found = self.peek().is_some_and(|word| word.eq_ignore_ascii_case(name.as_bytes()));
        self.index += usize::from(found);
        found
    }

    /// The next word, without moving.
    pub fn peek(&self) -> Option<&'a [u8]> {
        (self.index < self.args.len()).then(|| self.args.word(self.index))
    }

    /// How many words are left.
    pub fn left(&self) -> usize {
        self.args.len() - self.index
    }

    /// Whether no word is left; if any is, a syntax error.
    pub fn end(&self) -> Result<(), Stop> {
        if self.left() == 0 { Ok(()) } else { Err(syntax_error()) }
    }
}

impl<'a> Iterator for Cursor<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let word = self.peek()?;
        self.index += 1;
        Some(word)
    }
}
