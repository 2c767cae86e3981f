//! An element of a listpack or a ziplist, which keep what looks like an integer as one.

use std::borrow::Cow;

use crate::number::{Decimal, parse_i64};

/// An element of a listpack or a ziplist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element<'a> {
    /// Kept as an integer; stands for its decimal text.
    Integer(i64),
    /// Kept as bytes.
    Bytes(&'a [u8]),
}

impl<'a> Element<'a> {
    /// The bytes that it stands for.
    pub fn to_bytes(self) -> Cow<'a, [u8]> {
        match self {
            Element::Integer(number) => Cow::Owned(Decimal::new(number).as_bytes().to_vec()),
            Element::Bytes(bytes) => Cow::Borrowed(bytes),
        }
    }

    /// The integer that it is, or is the text of.
    pub fn to_integer(self) -> Option<i64> {
        match self {
            Element::Integer(number) => Some(number),
            Element::Bytes(bytes) => parse_i64(bytes),
        }
    }
}
