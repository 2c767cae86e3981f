//! `struct`: values packed as C's structures, as Roberto Ierusalimschy's library of that name has them.

use mlua::{Lua, Table, Value};

use super::{Fault, Outcome, bad_argument, fault, integer_or, native, number_of, string_of};

/// Largest integer, bytes.
const LARGEST: usize = 32;
/// The strictest alignment that a format may ask for without saying which.
const ALIGNMENT: usize = 8;

/// Reads a format, option by option.
struct Format<'a> {
    rest: &'a [u8],
    big_endian: bool,
    alignment: usize,
    function: &'static str,
}

/// An option and its size, bytes; 0 if it has none of its own.
type Item = (u8, usize);

impl<'a> Format<'a> {
    fn new(text: &'a [u8], function: &'static str) -> Format<'a> {
        Format { rest: text, big_endian: cfg!(target_endian = "big"), alignment: 1, function }
    }

    fn number(&mut self, otherwise: usize) -> Result<usize, Fault> {
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return Ok(otherwise);
        }
        let (number, rest) = self.rest.split_at(digits);
        self.rest = rest;
        let number = std::str::from_utf8(number).ok().and_then(|text| text.parse::<i32>().ok());
        number.map(|number| number as usize).ok_or_else(|| fault("integral size overflow"))
    }

    fn next(&mut self) -> Result<Option<Item>, Fault> {
        let Some((&option, rest)) = self.rest.split_first() else { return Ok(None) };
        self.rest = rest;
        let size = match option {
            b'B' | b'b' | b'x' => 1,
            b'H' | b'h' => 2,
            b'f' => 4,
            b'L' | b'l' | b'T' | b'd' => 8,
            b'c' => self.number(1)?,
            b'i' | b'I' => match self.number(4)? {
                size @ ..=LARGEST => size,
                size => {
                    return Err(fault(format!("integral size {size} is larger than limit of {LARGEST}")));
                }
            },
            _ => 0,
        };
        Ok(Some((option, size)))
    }

    /// How many bytes are left out before an item that would begin at `position`.
    fn gap(&self, position: usize, (option, size): Item) -> usize {
        if size == 0 || option == b'c' {
            return 0;
        }
        let size = size.min(self.alignment);
        match size.is_power_of_two() {
            true => (size - (position & (size - 1))) & (size - 1),
            false => 0,
        }
    }

    /// An option that says how to read those behind it.
    fn control(&mut self, option: u8) -> Result<(), Fault> {
        match option {
            b' ' => {}
            b'>' => self.big_endian = true,
            b'<' => self.big_endian = false,
            b'!' => {
                let alignment = self.number(ALIGNMENT)?;
                if !alignment.is_power_of_two() {
                    return Err(fault(format!("alignment {alignment} is not a power of 2")));
                }
                self.alignment = alignment;
            }
            other => {
                let why = format!("invalid format option '{}'", char::from(other));
                return Err(bad_argument(1, self.function, &why));
            }
        }
        Ok(())
    }

    fn order(&self, bytes: &mut [u8]) {
        if self.big_endian {
            bytes.reverse();
        }
    }
}

fn is_integer(option: u8) -> bool {
    matches!(option, b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I')
}

/// A number to pack; there it makes no difference whether it is missing or nil.
fn packed_number(lua: &Lua, args: &[Value], index: usize) -> Result<f64, Fault> {
    match args.get(index - 1) {
        None => Err(bad_argument(index, "pack", "number expected, got nil")),
        Some(_) => number_of(lua, args, index, "pack"),
    }
}

fn pack(lua: &Lua, args: &[Value]) -> Outcome {
    let text = string_of(lua, args, 1, "pack")?;
    let mut format = Format::new(&text, "pack");
    let (mut out, mut index) = (Vec::new(), 1);
    while let Some((option, mut size)) = format.next()? {
        out.resize(out.len() + format.gap(out.len(), (option, size)), 0);
        match option {
            _ if is_integer(option) => {
                index += 1;
                let number = packed_number(lua, args, index)?;
                let value = if number < 0.0 { (number as i64).cast_unsigned() } else { number as u64 };
                let mut bytes = [0; LARGEST];
                bytes[..8].copy_from_slice(&value.to_le_bytes());
                format.order(&mut bytes[..size]);
                out.extend_from_slice(&bytes[..size]);
            }
            b'x' => out.push(0),
            b'f' | b'd' => {
                index += 1;
                let number = packed_number(lua, args, index)?;
                let mut bytes = match option {
                    b'f' => (number as f32).to_le_bytes().to_vec(),
                    _ => number.to_le_bytes().to_vec(),
                };
                format.order(&mut bytes);
                out.extend_from_slice(&bytes);
            }
            b'c' | b's' => {
                index += 1;
                let value = string_of(lua, args, index, "pack")?;
                if size == 0 {
                    size = value.len();
                }
                if value.len() < size {
                    return Err(bad_argument(index + 1, "pack", "string too short"));
                }
                out.extend_from_slice(&value[..size]);
                if option == b's' {
                    out.push(0);
                }
            }
            other => format.control(other)?,
        }
    }
    Ok(vec![Value::String(lua.create_string(out)?)])
}

fn integer(bytes: &[u8], signed: bool) -> f64 {
    // Little-endian; what is above 64 bits is lost.
    let mut value: u64 = 0;
    for &byte in bytes.iter().rev() {
        value = (value << 8) | u64::from(byte);
    }
    if !signed {
        return value as f64;
    }
    let mask = u64::MAX.wrapping_shl((bytes.len() * 8).wrapping_sub(1) as u32);
    if value & mask != 0 {
        value |= mask;
    }
    value.cast_signed() as f64
}

fn unpack(lua: &Lua, args: &[Value]) -> Outcome {
    let (text, data) = (string_of(lua, args, 1, "unpack")?, string_of(lua, args, 2, "unpack")?);
    let short = || bad_argument(2, "unpack", "data string too short");
    let first = integer_or(lua, args, 3, "unpack", 1)?;
    let mut position = usize::try_from(first.wrapping_sub(1)).map_err(|_| short())?;
    let mut format = Format::new(&text, "unpack");
    let mut results: Vec<Value> = Vec::new();
    while let Some((option, mut size)) = format.next()? {
        position += format.gap(position, (option, size));
        let part = |position: usize, size: usize| {
            data.get(position..position.saturating_add(size)).ok_or_else(short)
        };
        let bytes = part(position, size)?;
        match option {
            _ if is_integer(option) => {
                let mut bytes = bytes.to_vec();
                format.order(&mut bytes);
                results.push(Value::Number(integer(&bytes, option.is_ascii_lowercase())));
            }
            b'x' => {}
            b'f' | b'd' => {
                let mut bytes = bytes.to_vec();
                format.order(&mut bytes);
                results.push(Value::Number(match option {
                    b'f' => f64::from(f32::from_le_bytes(bytes.try_into().unwrap_or_default())),
                    _ => f64::from_le_bytes(bytes.try_into().unwrap_or_default()),
                }));
            }
            b'c' => {
                if size == 0 {
                    let Some(Value::Number(length)) = results.last() else {
                        return Err(fault("format 'c0' needs a previous size"));
                    };
                    size = *length as usize;
                    results.pop();
                }
                results.push(Value::String(lua.create_string(part(position, size)?)?));
            }
            b's' => {
                let rest = &data[position..];
                let Some(end) = rest.iter().position(|&byte| byte == 0) else {
                    return Err(fault("unfinished string in data"));
                };
                size = end + 1;
                results.push(Value::String(lua.create_string(&rest[..end])?));
            }
            other => format.control(other)?,
        }
        position += size;
    }
    results.push(Value::Number((position + 1) as f64));
    Ok(results)
}

fn size(lua: &Lua, args: &[Value]) -> Outcome {
    let text = string_of(lua, args, 1, "size")?;
    let mut format = Format::new(&text, "size");
    let mut position = 0;
    while let Some((option, size)) = format.next()? {
        position += format.gap(position, (option, size));
        match option {
            b's' => return Err(bad_argument(1, "size", "option 's' has no fixed size")),
            b'c' if size == 0 => return Err(bad_argument(1, "size", "option 'c0' has no fixed size")),
            other if !other.is_ascii_alphanumeric() => format.control(other)?,
            _ => {}
        }
        position += size;
    }
    Ok(vec![Value::Number(position as f64)])
}

/// The library's table.
pub(super) fn library(lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.set("pack", native(lua, pack)?)?;
    table.set("unpack", native(lua, unpack)?)?;
    table.set("size", native(lua, size)?)?;
    Ok(table)
}
