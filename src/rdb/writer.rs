//! Writing whole RDB files, key after key. See [`super::reader`] for the bytes.

use std::io::Write;

use super::reader::{MAGIC, opcode};
use super::{Limits, Result, Value, crc64, encode, sink};

/// Writes a file. One key at a time is in memory, encoded.
#[derive(Debug)]
pub struct Writer<W> {
    writer: W,
    version: u16,
    limits: Limits,
    sum: u64,
    written: u64,
    database: Option<u64>,
    buffer: Vec<u8>,
}

/// What is told of a key beside its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeyOptions {
    /// When it expires, Unix time in ms.
    pub expire_ms: Option<u64>,
    /// For how many seconds it was not used.
    pub idle_s: Option<u64>,
    /// How often it is used, Redis's logarithmic counter.
    pub frequency: Option<u8>,
}

impl<W: Write> Writer<W> {
    /// Begins a file of `version` ([`super::REDIS_7_0`] or later). Each key is one write to `writer`.
    pub fn new(writer: W, version: u16, limits: Limits) -> Result<Writer<W>> {
        let (database, buffer) = (None, Vec::new());
        let mut file = Writer { writer, version, limits, sum: 0, written: 0, database, buffer };
        if !(super::REDIS_7_0..=super::REDIS_7_4).contains(&version) {
            return Err(super::Error::Version(version.into()));
        }
        file.buffer.extend_from_slice(MAGIC);
        file.buffer.extend_from_slice(format!("{version:04}").as_bytes());
        file.flush()?;
        Ok(file)
    }

    /// How many bytes were written.
    pub fn position(&self) -> u64 {
        self.written
    }

    fn flush(&mut self) -> Result<()> {
        self.writer.write_all(&self.buffer)?;
        self.sum = crc64::update(self.sum, &self.buffer);
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Writes a fact about the file.
    pub fn auxiliary(&mut self, name: &[u8], text: &[u8]) -> Result<()> {
        self.buffer.push(opcode::AUXILIARY);
        sink::string(&mut self.buffer, name);
        sink::string(&mut self.buffer, text);
        self.flush()
    }

    /// Writes the code of a library of functions.
    pub fn function(&mut self, code: &[u8]) -> Result<()> {
        self.buffer.push(opcode::FUNCTION);
        sink::string(&mut self.buffer, code);
        self.flush()
    }

    /// Says how many keys follow in `database`; a hint that spares the reader the growing of its tables.
    pub fn sizes(&mut self, database: u64, keys: u64, expiring: u64) -> Result<()> {
        self.select(database);
        self.buffer.push(opcode::SIZES);
        sink::length(&mut self.buffer, keys);
        sink::length(&mut self.buffer, expiring);
        self.flush()
    }

    fn select(&mut self, database: u64) {
        if self.database.replace(database) != Some(database) {
            self.buffer.push(opcode::DATABASE);
            sink::length(&mut self.buffer, database);
        }
    }

    /// Writes a key. If the version cannot tell its value, nothing is written, and the file can go on.
    pub fn key(&mut self, database: u64, key: &[u8], value: &Value, options: KeyOptions) -> Result<()> {
        let before = self.database;
        self.select(database);
        if let Some(expire_ms) = options.expire_ms {
            self.buffer.push(opcode::EXPIRY_MS);
            sink::time_ms(&mut self.buffer, expire_ms);
        }
        if let Some(idle_s) = options.idle_s {
            self.buffer.push(opcode::IDLE);
            sink::length(&mut self.buffer, idle_s);
        }
        if let Some(frequency) = options.frequency {
            self.buffer.extend_from_slice(&[opcode::FREQUENCY, frequency]);
        }
        let kind = self.buffer.len();
        self.buffer.push(0);
        sink::string(&mut self.buffer, key);
        match encode::value(&mut self.buffer, value, &self.limits, self.version) {
            Ok(found) => self.buffer[kind] = found,
            Err(error) => {
                self.buffer.clear();
                self.database = before;
                return Err(error);
            }
        }
        self.flush()
    }

    /// Ends the file; gives back what it was written to, not flushed.
    pub fn finish(mut self) -> Result<W> {
        self.buffer.push(opcode::END);
        self.flush()?;
        self.writer.write_all(&self.sum.to_le_bytes())?;
        Ok(self.writer)
    }
}
