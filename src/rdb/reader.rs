//! Reading whole RDB files, key after key.
//!
//! | what | how |
//! |------|-----|
//! | `REDIS` and the version | 5 bytes, 4 digits |
//! | any number of: opcode from 244 on and what belongs to it; or a key: type, key (string), value | |
//! | 255; from version 5 on CRC-64 of all before it, little-endian, 0 for none | 1 byte, 8 bytes |
//!
//! | opcode | what follows |
//! |--------|--------------|
//! | 244 slot | three lengths: its number, keys, keys that expire |
//! | 245 function library | string |
//! | 247 data of a module | number of the module (length), values of modules |
//! | 248 idle, 249 frequency | of the next key: seconds (length); one byte |
//! | 250 auxiliary | two strings |
//! | 251 sizes | two lengths: keys, keys that expire |
//! | 252, 253 expiry | of the next key, Unix time: ms in 8 bytes, seconds in 4, little-endian |
//! | 254 database | length |

use std::io::Read;

use super::source::Source;
use super::{Error, REDIS_7_4, Result, Value, decode, kind};

pub(super) const MAGIC: &[u8; 5] = b"REDIS";

/// Opcodes.
pub(super) mod opcode {
    pub(in super::super) const SLOT: u8 = 244;
    pub(in super::super) const FUNCTION: u8 = 245;
    pub(in super::super) const MODULE: u8 = 247;
    pub(in super::super) const IDLE: u8 = 248;
    pub(in super::super) const FREQUENCY: u8 = 249;
    pub(in super::super) const AUXILIARY: u8 = 250;
    pub(in super::super) const SIZES: u8 = 251;
    pub(in super::super) const EXPIRY_MS: u8 = 252;
    pub(in super::super) const EXPIRY_S: u8 = 253;
    pub(in super::super) const DATABASE: u8 = 254;
    pub(in super::super) const END: u8 = 255;
}

/// Reads a file. Of one key at a time its value is in memory.
#[derive(Debug)]
pub struct Reader<R> {
    source: Source<R>,
    version: u32,
    database: u64,
    empty: u64,
    ended: bool,
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// A fact about the file or its writer.
    Auxiliary {
        /// Its name.
        name: Vec<u8>,
        /// What it says.
        text: Vec<u8>,
    },
    /// How many keys follow in the present database; a hint.
    Sizes {
        /// All of them.
        keys: u64,
        /// Those that expire.
        expiring: u64,
    },
    /// The code of a library of functions.
    Function(Vec<u8>),
    /// A key.
    Key(KeyItem),
}

/// A key and all that is told of it.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyItem {
    /// Its database.
    pub database: u64,
    /// The key.
    pub key: Vec<u8>,
    /// When it expires, Unix time in ms; maybe in the past.
    pub expire_ms: Option<u64>,
    /// For how many seconds it was not used, if the writer evicts by that.
    pub idle_s: Option<u64>,
    /// How often it is used, Redis's logarithmic counter, if the writer evicts by that.
    pub frequency: Option<u8>,
    /// What it holds.
    pub value: Value,
}

impl<R: Read> Reader<R> {
    /// Begins with the file's first bytes. `reader` should be buffered.
    pub fn new(reader: R) -> Result<Reader<R>> {
        let mut source = Source::new(reader);
        let (magic, digits): ([u8; 5], [u8; 4]) = (source.array()?, source.array()?);
        if magic != *MAGIC {
            return Err(Error::Corrupt("this is no RDB file"));
        }
        let digits =
            std::str::from_utf8(&digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
        let version =
            digits.and_then(|text| text.parse().ok()).ok_or(Error::Corrupt("the version of the file"))?;
        if !(1..=u32::from(REDIS_7_4)).contains(&version) {
            return Err(Error::Version(version));
        }
        Ok(Reader { source, version, database: 0, empty: 0, ended: false })
    }

    /// The file's version.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// How many bytes were read.
    pub fn position(&self) -> u64 {
        self.source.position()
    }

    /// What it reads from, behind what was read: after the end of a file, what follows it (an append-only file).
    pub fn into_inner(self) -> R {
        self.source.into_inner()
    }

    /// How many keys were passed over since they hold collections without elements, as Redis does.
    pub fn empty_keys(&self) -> u64 {
        self.empty
    }

    /// The next item; `None` at the end of a file whose checksum is right. After an error nothing more can be read.
    #[expect(clippy::should_implement_trait, reason = "an error ends it, which no iterator would tell")]
    pub fn next(&mut self) -> Result<Option<Item>> {
        let (mut expire_ms, mut idle_s, mut frequency) = (None, None, None);
        while !self.ended {
            match self.source.byte()? {
                opcode::EXPIRY_MS => expire_ms = Some(self.source.time_ms()?),
                opcode::EXPIRY_S => {
                    let seconds = i32::from_le_bytes(self.source.array()?);
                    expire_ms = Some(u64::from(seconds.max(0).cast_unsigned()) * 1000);
                }
                opcode::IDLE => idle_s = Some(self.source.length()?),
                opcode::FREQUENCY => frequency = Some(self.source.byte()?),
                opcode::DATABASE => self.database = self.source.length()?,
                opcode::SIZES => {
                    let (keys, expiring) = (self.source.length()?, self.source.length()?);
                    return Ok(Some(Item::Sizes { keys, expiring }));
                }
                opcode::AUXILIARY => {
                    let (name, text) = (self.source.string()?, self.source.string()?);
                    return Ok(Some(Item::Auxiliary { name, text }));
                }
                opcode::FUNCTION => return Ok(Some(Item::Function(self.source.string()?))),
                opcode::MODULE => self.pass_module()?,
                opcode::SLOT => {
                    for _ in 0..3 {
                        self.source.length()?;
                    }
                }
                opcode::END => self.end()?,
                kind @ ..=kind::HASH_LISTPACK_EX => {
                    let key = self.source.string()?;
                    match decode::value(&mut self.source, kind) {
                        Ok(value) => {
                            let database = self.database;
                            let item = KeyItem { database, key, expire_ms, idle_s, frequency, value };
                            return Ok(Some(Item::Key(item)));
                        }
                        Err(Error::Empty) => self.empty += 1,
                        Err(error) => return Err(error),
                    }
                    (expire_ms, idle_s, frequency) = (None, None, None);
                }
                other => return Err(Error::Unknown { what: "opcode", number: other.into() }),
            }
        }
        Ok(None)
    }

    fn end(&mut self) -> Result<()> {
        let computed = self.source.sum();
        if self.version >= 5 {
            let stored = u64::from_le_bytes(self.source.array()?);
            if stored != 0 && stored != computed {
                return Err(Error::Checksum { stored, computed });
            }
        }
        self.ended = true;
        Ok(())
    }

    /// Passes over what a module has beside its keys: values that each say how they are read.
    fn pass_module(&mut self) -> Result<()> {
        const END: u64 = 0;
        const SIGNED: u64 = 1;
        const UNSIGNED: u64 = 2;
        const FLOAT: u64 = 3;
        const DOUBLE: u64 = 4;
        const STRING: u64 = 5;
        self.source.length()?;
        loop {
            match self.source.length()? {
                END => return Ok(()),
                SIGNED | UNSIGNED => drop(self.source.length()?),
                FLOAT => drop(self.source.array::<4>()?),
                DOUBLE => drop(self.source.array::<8>()?),
                STRING => drop(self.source.string()?),
                number => return Err(Error::Unknown { what: "value of a module", number }),
            }
        }
    }
}
