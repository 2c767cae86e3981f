//! Typed keys: how the program names an option, so that a typo or a wrong type does not compile.

use super::choice::Choice;
use super::row::{Kind, Row, same_name};
use super::special::{BufferLimits, Events, Master, Portion};
use super::table;
use super::value::Value;
use std::marker::PhantomData;

/// The place of an option in [`table::TABLE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Id(u16);

impl Id {
    pub(super) const fn new(index: usize) -> Id {
        Id(index as u16)
    }

    /// The option's row.
    pub fn row(self) -> &'static Row {
        &table::TABLE[self.index()]
    }

    /// Whether this is the option that `key` names.
    pub fn is<T>(self, key: Key<T>) -> bool {
        self == key.id
    }

    pub(super) fn index(self) -> usize {
        usize::from(self.0)
    }

    /// Every option, in the order of the table.
    pub fn all() -> impl Iterator<Item = Id> {
        (0..table::TABLE.len()).map(Id::new)
    }
}

/// An option whose value reads as `T`; the constants are in [`super::options`].
#[derive(Debug)]
pub struct Key<T> {
    id: Id,
    marker: PhantomData<fn() -> T>,
}

impl<T> Clone for Key<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Key<T> {}

impl<T> Key<T> {
    /// The option's place in the table.
    pub const fn id(self) -> Id {
        self.id
    }

    /// The option's name.
    pub fn name(self) -> &'static str {
        self.id.row().name
    }
}

impl<T: Setting> Key<T> {
    /// Finds the row of that name while the program is compiled; a missing row, or one whose kind or range does not
    /// fit `T`, is a compile error.
    pub(super) const fn find(name: &str) -> Key<T> {
        let mut index = 0;
        while !same_name(table::ROWS[index].name, name) {
            index += 1;
        }
        assert!(T::ACCEPTS.fits(&table::ROWS[index].kind), "the key's type does not fit the row's kind");
        Key { id: Id::new(index), marker: PhantomData }
    }
}

/// Which rows a type can be read from.
#[derive(Clone, Copy, Debug)]
pub enum Accepts {
    /// Yes or no.
    Bool,
    /// Integers (and octal ones) whose whole range lies within these bounds.
    Integer(i64, i64),
    /// Sizes in bytes.
    Size,
    /// Sizes in bytes, or percentages.
    SizeOrPercent,
    /// One word of so many.
    Choice(usize),
    /// Free text.
    Text,
    /// Words.
    Words,
    /// Limits of output buffers.
    BufferLimits,
    /// Classes of keyspace events.
    Events,
    /// Percentiles.
    Percentiles,
    /// The address of a master.
    Master,
}

impl Accepts {
    const fn fits(self, kind: &Kind) -> bool {
        match (self, kind) {
            (Accepts::Bool, Kind::Bool)
            | (Accepts::Size, Kind::Size { .. })
            | (Accepts::SizeOrPercent, Kind::SizeOrPercent)
            | (Accepts::Text, Kind::Text)
            | (Accepts::Words, Kind::Words)
            | (Accepts::BufferLimits, Kind::BufferLimits)
            | (Accepts::Events, Kind::Events)
            | (Accepts::Percentiles, Kind::Percentiles)
            | (Accepts::Master, Kind::Master) => true,
            (Accepts::Integer(low, high), Kind::Integer { min, max } | Kind::Octal { min, max }) => {
                low <= *min && *max <= high
            }
            (Accepts::Choice(count), Kind::Choice(names)) => count == names.len(),
            _ => false,
        }
    }
}

/// A type that an option's value can be read as.
pub trait Setting {
    /// What the getter returns: the type itself, or a borrow.
    type Output<'a>;

    /// The kinds of row that hold such a value.
    const ACCEPTS: Accepts;

    /// Reads the value; `None` if it is of another kind, which no key has.
    fn read(value: &Value) -> Option<Self::Output<'_>>;
}

macro_rules! settings {
    ($($type:ty, $accepts:expr, $output:ty, $pattern:pat => $read:expr;)+) => {$(
        impl Setting for $type {
            type Output<'a> = $output;
            const ACCEPTS: Accepts = $accepts;

            fn read(value: &Value) -> Option<Self::Output<'_>> {
                match value {
                    $pattern => Some($read),
                    _ => None,
                }
            }
        }
    )+};
}

/// Marks the key of a size: a number of bytes, read as `u64`.
#[derive(Clone, Copy, Debug)]
pub struct Size;

settings! {
    bool, Accepts::Bool, bool, Value::Bool(yes) => *yes;
    u16, Accepts::Integer(0, u16::MAX as i64), u16, Value::Integer(number) => *number as u16;
    u32, Accepts::Integer(0, u32::MAX as i64), u32, Value::Integer(number) => *number as u32;
    u64, Accepts::Integer(0, i64::MAX), u64, Value::Integer(number) => *number as u64;
    i64, Accepts::Integer(i64::MIN, i64::MAX), i64, Value::Integer(number) => *number;
    Size, Accepts::Size, u64, Value::Size(bytes) => *bytes;
    String, Accepts::Text, &'a str, Value::Text(text) => text;
    Vec<String>, Accepts::Words, &'a [String], Value::Words(words) => words;
    BufferLimits, Accepts::BufferLimits, BufferLimits, Value::BufferLimits(limits) => *limits;
    Events, Accepts::Events, Events, Value::Events(events) => *events;
    Vec<f64>, Accepts::Percentiles, &'a [f64], Value::Percentiles(numbers) => numbers;
    Master, Accepts::Master, Option<&'a Master>, Value::Master(master) => master.as_ref();
}

impl Setting for Portion {
    type Output<'a> = Portion;
    const ACCEPTS: Accepts = Accepts::SizeOrPercent;

    fn read(value: &Value) -> Option<Portion> {
        match value {
            Value::Size(bytes) => Some(Portion::Bytes(*bytes)),
            Value::Percent(percent) => Some(Portion::Percent(*percent)),
            _ => None,
        }
    }
}

impl<C: Choice> Setting for C {
    type Output<'a> = C;
    const ACCEPTS: Accepts = Accepts::Choice(C::NAMES.len());

    fn read(value: &Value) -> Option<C> {
        match value {
            Value::Choice(index) => Some(C::from_index(*index)),
            _ => None,
        }
    }
}
