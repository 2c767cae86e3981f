//! `cjson`: JSON, as Lua CJSON 2.1 writes and reads it.

use std::cell::RefCell;
use std::rc::Rc;

use mlua::{Lua, Table, Value};

use super::json_reader::read;
use super::number::general;
use super::{Fault, Outcome, bad_argument, fault, native, number_of, string_of, type_name};

/// What the functions beside `encode` and `decode` set.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    sparse_convert: bool,
    sparse_ratio: i64,
    sparse_safe: i64,
    encode_depth: i64,
    pub(super) decode_depth: i64,
    /// 0: they are errors; 1: written as they are; 2: written as null.
    encode_invalid: usize,
    pub(super) decode_invalid: bool,
    keep_buffer: bool,
    precision: i64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            sparse_convert: false,
            sparse_ratio: 2,
            sparse_safe: 10,
            encode_depth: 1000,
            decode_depth: 1000,
            encode_invalid: 0,
            decode_invalid: true,
            keep_buffer: true,
            precision: 14,
        }
    }
}

fn unfit(value: &Value, why: &str) -> Fault {
    fault(format!("Cannot serialise {}: {why}", type_name(Some(value))))
}

fn write_string(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for &byte in text {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'/' => out.extend_from_slice(b"\\/"),
            8 => out.extend_from_slice(b"\\b"),
            9 => out.extend_from_slice(b"\\t"),
            10 => out.extend_from_slice(b"\\n"),
            12 => out.extend_from_slice(b"\\f"),
            13 => out.extend_from_slice(b"\\r"),
            0..=31 | 127 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            other => out.push(other),
        }
    }
    out.push(b'"');
}

fn write_number(out: &mut Vec<u8>, number: f64, settings: &Settings) -> Result<(), Fault> {
    if !number.is_finite() {
        match settings.encode_invalid {
            0 => return Err(unfit(&Value::Number(number), "must not be NaN or Inf")),
            1 if number.is_nan() => out.extend_from_slice(b"nan"),
            1 => out.extend_from_slice(if number < 0.0 { b"-inf" } else { b"inf" }),
            _ => out.extend_from_slice(b"null"),
        }
        return Ok(());
    }
    out.extend_from_slice(general(number, settings.precision as usize).as_bytes());
    Ok(())
}

fn as_number(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(number) => Some(*number as f64),
        Value::Number(number) => Some(*number),
        _ => None,
    }
}

/// The highest index of a table that has nothing but indices; `None`: it is written as an object.
fn array_length(table: &Table, settings: &Settings) -> Result<Option<i64>, Fault> {
    let (mut most, mut count) = (0i64, 0i64);
    for pair in table.pairs::<Value, Value>() {
        match as_number(&pair?.0) {
            Some(key) if key >= 1.0 && key.floor() == key => most = most.max(key as i64),
            _ => return Ok(None),
        }
        count += 1;
    }
    let sparse = settings.sparse_ratio > 0
        && most > count.saturating_mul(settings.sparse_ratio)
        && most > settings.sparse_safe;
    match sparse {
        true if settings.sparse_convert => Ok(None),
        true => Err(unfit(&Value::Table(table.clone()), "excessively sparse array")),
        false => Ok((most > 0).then_some(most)),
    }
}

fn write(out: &mut Vec<u8>, value: &Value, depth: i64, settings: &Settings) -> Result<(), Fault> {
    match value {
        Value::String(text) => write_string(out, &text.as_bytes()),
        Value::Integer(number) => write_number(out, *number as f64, settings)?,
        Value::Number(number) => write_number(out, *number, settings)?,
        Value::Boolean(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Value::Nil => out.extend_from_slice(b"null"),
        Value::LightUserData(pointer) if pointer.0.is_null() => out.extend_from_slice(b"null"),
        Value::Table(table) => {
            let depth = depth + 1;
            if depth > settings.encode_depth {
                return Err(fault(format!("Cannot serialise, excessive nesting ({depth})")));
            }
            match array_length(table, settings)? {
                Some(length) => {
                    out.push(b'[');
                    for index in 1..=length {
                        if index > 1 {
                            out.push(b',');
                        }
                        write(out, &table.raw_get(index)?, depth, settings)?;
                    }
                    out.push(b']');
                }
                None => write_object(out, table, depth, settings)?,
            }
        }
        other => return Err(unfit(other, "type not supported")),
    }
    Ok(())
}

fn write_object(out: &mut Vec<u8>, table: &Table, depth: i64, settings: &Settings) -> Result<(), Fault> {
    out.push(b'{');
    let mut first = true;
    for pair in table.pairs::<Value, Value>() {
        let (key, value) = pair?;
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        match (&key, as_number(&key)) {
            (Value::String(text), _) => write_string(out, &text.as_bytes()),
            (_, Some(number)) => {
                out.push(b'"');
                write_number(out, number, settings)?;
                out.push(b'"');
            }
            _ => return Err(unfit(&key, "table key must be a number or string")),
        }
        out.push(b':');
        write(out, &value, depth, settings)?;
    }
    out.push(b'}');
    Ok(())
}

fn only_argument(args: &[Value], function: &str) -> Result<(), Fault> {
    if args.len() == 1 { Ok(()) } else { Err(bad_argument(1, function, "expected 1 argument")) }
}

fn too_many(args: &[Value], most: usize, function: &str) -> Result<(), Fault> {
    let fits = args.len() <= most;
    if fits { Ok(()) } else { Err(bad_argument(most + 1, function, "found too many arguments")) }
}

fn set_integer(
    lua: &Lua,
    (args, index): (&[Value], usize),
    setting: &mut i64,
    (least, most): (i64, i64),
    function: &str,
) -> Result<Value, Fault> {
    if !matches!(args.get(index - 1), None | Some(Value::Nil)) {
        let value = number_of(lua, args, index, function)? as i64;
        if !(least..=most).contains(&value) {
            let why = format!("expected integer between {least} and {most}");
            return Err(bad_argument(index, function, &why));
        }
        *setting = value;
    }
    Ok(Value::Integer(*setting))
}

fn set_choice(
    lua: &Lua,
    args: &[Value],
    setting: &mut usize,
    choices: &[&str],
    function: &str,
) -> Result<Value, Fault> {
    match args.first() {
        None | Some(Value::Nil) => {}
        Some(Value::Boolean(value)) => *setting = usize::from(*value),
        Some(_) => {
            let word = string_of(lua, args, 1, function)?;
            let found = choices.iter().position(|choice| choice.as_bytes() == word);
            *setting = found.ok_or_else(|| {
                let why = format!("invalid option '{}'", String::from_utf8_lossy(&word));
                bad_argument(1, function, &why)
            })?;
        }
    }
    match *setting {
        0 | 1 => Ok(Value::Boolean(*setting == 1)),
        other => Ok(Value::String(lua.create_string(choices[other])?)),
    }
}

/// A library of its own settings.
pub(super) fn library(lua: &Lua) -> mlua::Result<Table> {
    const MOST: i64 = i32::MAX as i64;
    let settings = Rc::new(RefCell::new(Settings::default()));
    let table = lua.create_table()?;
    let add = |name: &'static str,
               run: fn(&Lua, &[Value], &mut Settings, &'static str) -> Outcome|
     -> mlua::Result<()> {
        let settings = settings.clone();
        let function = native(lua, move |lua, args| run(lua, args, &mut settings.borrow_mut(), name))?;
        table.set(name, function)
    };
    add("encode", |lua, args, settings, name| {
        only_argument(args, name)?;
        let mut out = Vec::new();
        write(&mut out, &args[0], 0, settings)?;
        Ok(vec![Value::String(lua.create_string(out)?)])
    })?;
    add("decode", |lua, args, settings, name| {
        only_argument(args, name)?;
        let text = string_of(lua, args, 1, name)?;
        Ok(vec![read(lua, &text, settings)?])
    })?;
    add("encode_sparse_array", |lua, args, settings, name| {
        too_many(args, 3, name)?;
        let mut convert = usize::from(settings.sparse_convert);
        let first = set_choice(lua, args, &mut convert, &["off", "on"], name)?;
        settings.sparse_convert = convert == 1;
        let second = set_integer(lua, (args, 2), &mut settings.sparse_ratio, (0, MOST), name)?;
        let third = set_integer(lua, (args, 3), &mut settings.sparse_safe, (0, MOST), name)?;
        Ok(vec![first, second, third])
    })?;
    add("encode_max_depth", |lua, args, settings, name| {
        too_many(args, 1, name)?;
        Ok(vec![set_integer(lua, (args, 1), &mut settings.encode_depth, (1, MOST), name)?])
    })?;
    add("decode_max_depth", |lua, args, settings, name| {
        too_many(args, 1, name)?;
        Ok(vec![set_integer(lua, (args, 1), &mut settings.decode_depth, (1, MOST), name)?])
    })?;
    add("encode_number_precision", |lua, args, settings, name| {
        too_many(args, 1, name)?;
        Ok(vec![set_integer(lua, (args, 1), &mut settings.precision, (1, 14), name)?])
    })?;
    add("encode_keep_buffer", |lua, args, settings, name| {
        too_many(args, 1, name)?;
        let mut keep = usize::from(settings.keep_buffer);
        let answer = set_choice(lua, args, &mut keep, &["off", "on"], name)?;
        settings.keep_buffer = keep == 1;
        Ok(vec![answer])
    })?;
    add("encode_invalid_numbers", |lua, args, settings, name| {
        too_many(args, 1, name)?;
        let choices = ["off", "on", "null"];
        Ok(vec![set_choice(lua, args, &mut settings.encode_invalid, &choices, name)?])
    })?;
    add("decode_invalid_numbers", |lua, args, settings, name| {
        too_many(args, 1, name)?;
        let mut invalid = usize::from(settings.decode_invalid);
        let answer = set_choice(lua, args, &mut invalid, &["off", "on"], name)?;
        settings.decode_invalid = invalid == 1;
        Ok(vec![answer])
    })?;
    table.set("new", lua.create_function(|lua, ()| library(lua))?)?;
    table.set("null", Value::NULL)?;
    table.set("_NAME", "cjson")?;
    table.set("_VERSION", "2.1.0")?;
    Ok(table)
}
