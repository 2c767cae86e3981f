//! `cmsgpack`: MessagePack, as Redis's library of that name writes and reads it.

use mlua::{Lua, Table, Value};

use super::{Fault, Outcome, bad_argument, fault, integer_or, native, string_of};

/// Tables deeper than this are written as nil.
const DEEPEST: usize = 16;
/// What is read may not be nested deeper.
const DEEPEST_READ: usize = 500;

fn header(out: &mut Vec<u8>, length: usize, (short, limit): (u8, usize), longer: &[(u8, usize)]) {
    if length < limit {
        return out.push(short | length as u8);
    }
    let bytes = (length as u32).to_be_bytes();
    match longer.iter().find(|(_, width)| *width == 4 || length < 1 << (8 * width)) {
        Some((mark, width)) => {
            out.push(*mark);
            out.extend_from_slice(&bytes[4 - width..]);
        }
        None => out.push(0xc0),
    }
}

fn integer(out: &mut Vec<u8>, number: i64) {
    match number {
        0..=127 => out.push(number as u8),
        -32..=-1 => out.push(number as i8 as u8),
        128..=0xff => out.extend_from_slice(&[0xcc, number as u8]),
        -128..=-33 => out.extend_from_slice(&[0xd0, number as i8 as u8]),
        0x100..=0xffff => {
            out.push(0xcd);
            out.extend_from_slice(&(number as u16).to_be_bytes());
        }
        -0x8000..=-129 => {
            out.push(0xd1);
            out.extend_from_slice(&(number as i16).to_be_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            out.push(0xce);
            out.extend_from_slice(&(number as u32).to_be_bytes());
        }
        -0x8000_0000..=-0x8001 => {
            out.push(0xd2);
            out.extend_from_slice(&(number as i32).to_be_bytes());
        }
        0x1_0000_0000.. => {
            out.push(0xcf);
            out.extend_from_slice(&number.to_be_bytes());
        }
        _ => {
            out.push(0xd3);
            out.extend_from_slice(&number.to_be_bytes());
        }
    }
}

fn number(out: &mut Vec<u8>, value: f64) {
    /// 2^63: the first number that is no `i64`.
    const END: f64 = 9_223_372_036_854_775_808.0;
    if value.trunc() == value && (-END..END).contains(&value) {
        return integer(out, value as i64);
    }
    if f64::from(value as f32) == value {
        out.push(0xca);
        out.extend_from_slice(&(value as f32).to_be_bytes());
    } else {
        out.push(0xcb);
        out.extend_from_slice(&value.to_be_bytes());
    }
}

/// The length of a table whose keys are 1, 2, 3 and so on.
fn array_length(table: &Table) -> Result<Option<usize>, Fault> {
    let (mut count, mut most) = (0, 0);
    for pair in table.pairs::<Value, Value>() {
        let key = match pair?.0 {
            Value::Integer(key) => key,
            Value::Number(key) if key.trunc() == key => key as i64,
            _ => return Ok(None),
        };
        if key <= 0 {
            return Ok(None);
        }
        count += 1;
        most = most.max(key);
    }
    Ok((most == count).then_some(count as usize))
}

fn write(out: &mut Vec<u8>, value: &Value, depth: usize) -> Result<(), Fault> {
    match value {
        Value::String(text) => {
            header(out, text.as_bytes().len(), (0xa0, 32), &[(0xd9, 1), (0xda, 2), (0xdb, 4)]);
            out.extend_from_slice(&text.as_bytes());
        }
        Value::Boolean(value) => out.push(if *value { 0xc3 } else { 0xc2 }),
        Value::Integer(value) => integer(out, *value),
        Value::Number(value) => number(out, *value),
        Value::Table(table) if depth < DEEPEST => match array_length(table)? {
            Some(length) => {
                header(out, length, (0x90, 16), &[(0xdc, 2), (0xdd, 4)]);
                for index in 1..=length {
                    write(out, &table.raw_get(index)?, depth + 1)?;
                }
            }
            None => {
                // Twice over it: to hold on to all values at once would take as much of Lua's stack.
                let mut count = 0;
                for pair in table.pairs::<Value, Value>() {
                    pair?;
                    count += 1;
                }
                header(out, count, (0x80, 16), &[(0xde, 2), (0xdf, 4)]);
                for pair in table.pairs::<Value, Value>() {
                    let (key, value) = pair?;
                    write(out, &key, depth + 1)?;
                    write(out, &value, depth + 1)?;
                }
            }
        },
        _ => out.push(0xc0),
    }
    Ok(())
}

fn pack(lua: &Lua, args: &[Value]) -> Outcome {
    if args.is_empty() {
        return Err(bad_argument(0, "pack", "MessagePack pack needs input."));
    }
    let mut out = Vec::new();
    for value in args {
        write(&mut out, value, 0)?;
    }
    Ok(vec![Value::String(lua.create_string(out)?)])
}

struct Reader<'a> {
    lua: &'a Lua,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) =
            self.rest.split_at_checked(count).ok_or_else(|| fault("Missing bytes in input."))?;
        self.rest = rest;
        Ok(taken)
    }

    /// A big-endian number of so many bytes.
    fn unsigned(&mut self, width: usize) -> Result<u64, Fault> {
        Ok(self.take(width)?.iter().fold(0, |sum, &byte| (sum << 8) | u64::from(byte)))
    }

    fn signed(&mut self, width: usize) -> Result<Value, Fault> {
        let shift = 64 - 8 * width as u32;
        Ok(Value::Number(((self.unsigned(width)? << shift).cast_signed() >> shift) as f64))
    }

    fn string(&mut self, length: u64) -> Result<Value, Fault> {
        let bytes = self.take(usize::try_from(length).unwrap_or(usize::MAX))?;
        Ok(Value::String(self.lua.create_string(bytes)?))
    }

    fn array(&mut self, length: u64, depth: usize) -> Result<Value, Fault> {
        let table = self.lua.create_table()?;
        for index in 1..=length {
            let value = self.value(depth + 1)?;
            table.raw_set(index, value)?;
        }
        Ok(Value::Table(table))
    }

    fn map(&mut self, length: u64, depth: usize) -> Result<Value, Fault> {
        let table = self.lua.create_table()?;
        for _ in 0..length {
            let key = self.value(depth + 1)?;
            let value = self.value(depth + 1)?;
            if key.is_nil() || matches!(key, Value::Number(number) if number.is_nan()) {
                return Err(fault("Bad data format in input."));
            }
            table.raw_set(key, value)?;
        }
        Ok(Value::Table(table))
    }

    fn value(&mut self, depth: usize) -> Result<Value, Fault> {
        if depth > DEEPEST_READ {
            return Err(fault("Bad data format in input."));
        }
        let mark = self.take(1)?[0];
        Ok(match mark {
            0x00..=0x7f => Value::Number(f64::from(mark)),
            0xe0..=0xff => Value::Number(f64::from(mark as i8)),
            0xcc => Value::Number(self.unsigned(1)? as f64),
            0xcd => Value::Number(self.unsigned(2)? as f64),
            0xce => Value::Number(self.unsigned(4)? as f64),
            0xcf => Value::Number(self.unsigned(8)? as f64),
            0xd0 => self.signed(1)?,
            0xd1 => self.signed(2)?,
            0xd2 => self.signed(4)?,
            0xd3 => self.signed(8)?,
            0xc0 => Value::Nil,
            0xc3 => Value::Boolean(true),
            0xc2 => Value::Boolean(false),
            0xca => Value::Number(f64::from(f32::from_bits(self.unsigned(4)? as u32))),
            0xcb => Value::Number(f64::from_bits(self.unsigned(8)?)),
            0xa0..=0xbf => self.string(u64::from(mark & 0x1f))?,
            0xc4 | 0xd9 => self.unsigned(1).and_then(|length| self.string(length))?,
            0xc5 | 0xda => self.unsigned(2).and_then(|length| self.string(length))?,
            0xc6 | 0xdb => self.unsigned(4).and_then(|length| self.string(length))?,
            0x90..=0x9f => self.array(u64::from(mark & 0xf), depth)?,
            0xdc => self.unsigned(2).and_then(|length| self.array(length, depth))?,
            0xdd => self.unsigned(4).and_then(|length| self.array(length, depth))?,
            0x80..=0x8f => self.map(u64::from(mark & 0xf), depth)?,
            0xde => self.unsigned(2).and_then(|length| self.map(length, depth))?,
            0xdf => self.unsigned(4).and_then(|length| self.map(length, depth))?,
            _ => return Err(fault("Bad data format in input.")),
        })
    }
}

/// Reads up to `limit` values from `offset` on; `None`: all, without saying where to go on.
fn read(lua: &Lua, data: &[u8], limit: Option<i64>, offset: i64) -> Outcome {
    let length = data.len();
    if offset < 0 || limit.is_some_and(|limit| limit < 0) {
        return Err(fault(format!(
            "Invalid request to unpack with offset of {offset} and limit of {length}."
        )));
    }
    let Some(rest) = data.get(offset as usize..) else {
        return Err(fault(format!("Start offset {offset} greater than input length {length}.")));
    };
    let mut reader = Reader { lua, rest };
    let mut results = Vec::new();
    let most = limit.map_or(usize::MAX, |limit| limit as usize);
    while !reader.rest.is_empty() && results.len() < most {
        results.push(reader.value(0)?);
    }
    if limit.is_some() {
        let end = if reader.rest.is_empty() { -1 } else { (length - reader.rest.len()) as i64 };
        results.insert(0, Value::Integer(end));
    }
    Ok(results)
}

/// The library's table.
pub(super) fn library(lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.set("_NAME", "cmsgpack")?;
    table.set("_VERSION", "lua-cmsgpack 0.4.0")?;
    table.set("_COPYRIGHT", "MessagePack for Lua")?;
    table.set("_DESCRIPTION", "MessagePack C implementation for Lua")?;
    table.set("pack", native(lua, pack)?)?;
    table.set("unpack", native(lua, |lua, args| read(lua, &string_of(lua, args, 1, "unpack")?, None, 0))?)?;
    table.set(
        "unpack_one",
        native(lua, |lua, args| {
            let offset = integer_or(lua, args, 2, "unpack_one", 0)?;
            read(lua, &string_of(lua, args, 1, "unpack_one")?, Some(1), offset)
        })?,
    )?;
    table.set(
        "unpack_limit",
        native(lua, |lua, args| {
            let limit = super::number_of(lua, args, 2, "unpack_limit")? as i64;
            let offset = integer_or(lua, args, 3, "unpack_limit", 0)?;
            let data = string_of(lua, args, 1, "unpack_limit")?;
            // As in Redis, a limit of 0 from the beginning means all.
            read(lua, &data, (limit != 0 || offset != 0).then_some(limit), offset)
        })?,
    )?;
    Ok(table)
}
