//! Replies of commands as Lua's values, and Lua's values as replies.

use mlua::{Lua, LuaString, Table, Value};

use crate::number::{parse_f64, parse_i64};
use crate::resp::Reply;

/// How deep tables may lie in each other in a reply.
const DEEPEST: usize = 200;

/// The names of fields that replies have as tables, made once.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) err: LuaString,
    ok: LuaString,
    double: LuaString,
    big_number: LuaString,
    map: LuaString,
    set: LuaString,
    verbatim_string: LuaString,
    string: LuaString,
    format: LuaString,
    /// The error was counted when a command answered it.
    counted: LuaString,
}

impl Names {
    pub(super) fn new(lua: &Lua) -> mlua::Result<Names> {
        Ok(Names {
            err: lua.create_string("err")?,
            ok: lua.create_string("ok")?,
            double: lua.create_string("double")?,
            big_number: lua.create_string("big_number")?,
            map: lua.create_string("map")?,
            set: lua.create_string("set")?,
            verbatim_string: lua.create_string("verbatim_string")?,
            string: lua.create_string("string")?,
            format: lua.create_string("format")?,
            counted: lua.create_string("ignore_error_stats_update")?,
        })
    }
}

/// About how many bytes of memory a reply takes as Lua's values.
pub(super) fn memory_of(reply: &[u8]) -> usize {
    const VALUE: usize = 40;
    reply.len() + VALUE * memchr::memchr_iter(b'\n', reply).count()
}

/// The reply at the start of `bytes`, as a script gets it; `bytes` goes on behind it.
///
/// # Errors
/// Lua's: no memory.
pub(super) fn to_lua(lua: &Lua, names: &Names, bytes: &mut &[u8]) -> mlua::Result<Value> {
    let line = take_line(bytes);
    let Some((&mark, line)) = line.split_first() else { return Ok(Value::Nil) };
    let length = || parse_i64(line).and_then(|number| usize::try_from(number).ok());
    Ok(match mark {
        b':' => Value::Number(parse_i64(line).unwrap_or(0) as f64),
        b'+' => {
            let table = lua.create_table_with_capacity(0, 1)?;
            put(lua, &table, &names.ok, line)?;
            Value::Table(table)
        }
        b'-' => failure(lua, names, line)?,
        b'$' => match length() {
            Some(length) => Value::String(lua.create_string(take_text(bytes, length))?),
            None => Value::Boolean(false),
        },
        b'*' => match length() {
            Some(length) => Value::Table(array(lua, names, bytes, length)?),
            None => Value::Boolean(false),
        },
        b'_' => Value::Nil,
        b'#' => Value::Boolean(line == b"t"),
        b',' => single(lua, &names.double, Value::Number(parse_f64(line).unwrap_or(f64::NAN)))?,
        b'(' => single(lua, &names.big_number, Value::String(lua.create_string(line)?))?,
        b'=' => {
            let text = take_text(bytes, length().unwrap_or(0));
            let (format, text) = text.split_at_checked(4).unwrap_or((b"txt:", text));
            let verbatim = lua.create_table()?;
            put(lua, &verbatim, &names.string, text)?;
            put(lua, &verbatim, &names.format, &format[..3])?;
            single(lua, &names.verbatim_string, Value::Table(verbatim))?
        }
        b'%' => {
            let map = lua.create_table()?;
            for _ in 0..length().unwrap_or(0) {
                let (key, value) = (to_lua(lua, names, bytes)?, to_lua(lua, names, bytes)?);
                set(&map, key, value)?;
            }
            single(lua, &names.map, Value::Table(map))?
        }
        b'~' => {
            let set_of = lua.create_table()?;
            for _ in 0..length().unwrap_or(0) {
                let member = to_lua(lua, names, bytes)?;
                set(&set_of, member, Value::Boolean(true))?;
            }
            single(lua, &names.set, Value::Table(set_of))?
        }
        b'|' => {
            for _ in 0..length().unwrap_or(0) * 2 {
                to_lua(lua, names, bytes)?;
            }
            to_lua(lua, names, bytes)?
        }
        _ => Value::Table(array(lua, names, bytes, length().unwrap_or(0))?),
    })
}

/// Sets an element of a table to a string.
pub(super) fn put(lua: &Lua, table: &Table, key: impl mlua::IntoLua, text: &[u8]) -> mlua::Result<()> {
    // What is UTF-8 gets there without a handle of its own.
    match std::str::from_utf8(text) {
        Ok(text) => table.raw_set(key, text),
        Err(_) => table.raw_set(key, lua.create_string(text)?),
    }
}

fn set(table: &Table, key: Value, value: Value) -> mlua::Result<()> {
    match key {
        Value::Nil => Ok(()),
        key => table.raw_set(key, value),
    }
}

fn array(lua: &Lua, names: &Names, bytes: &mut &[u8], length: usize) -> mlua::Result<Table> {
    // What the reply has of elements is at least that many bytes.
    let table = lua.create_table_with_capacity(length.min(bytes.len()), 0)?;
    for index in 1..=length {
        if bytes.first() == Some(&b'$')
            && let Some(length) = parse_i64(&take_line(bytes)[1..])
        {
            match usize::try_from(length) {
                Ok(length) => put(lua, &table, index, take_text(bytes, length))?,
                Err(_) => table.raw_set(index, false)?,
            }
            continue;
        }
        let value = to_lua(lua, names, bytes)?;
        table.raw_set(index, value)?;
    }
    Ok(table)
}

fn single(lua: &Lua, name: &LuaString, value: Value) -> mlua::Result<Value> {
    let table = lua.create_table_with_capacity(0, 1)?;
    table.raw_set(name, value)?;
    Ok(Value::Table(table))
}

/// An error as a script gets it; `text` with its code.
///
/// # Errors
/// Lua's: no memory.
pub(super) fn failure(lua: &Lua, names: &Names, text: &[u8]) -> mlua::Result<Value> {
    let table = lua.create_table_with_capacity(0, 2)?;
    put(lua, &table, &names.err, text)?;
    table.raw_set(&names.counted, true)?;
    Ok(Value::Table(table))
}

fn take_line<'a>(bytes: &mut &'a [u8]) -> &'a [u8] {
    let end = memchr::memchr(b'\r', bytes).unwrap_or(bytes.len());
    let line = &bytes[..end];
    *bytes = bytes.get(end + 2..).unwrap_or_default();
    line
}

fn take_text<'a>(bytes: &mut &'a [u8], length: usize) -> &'a [u8] {
    let text = &bytes[..length.min(bytes.len())];
    *bytes = bytes.get(length + 2..).unwrap_or_default();
    text
}

/// Whether the result of a script is an error that was counted when its command answered it.
pub(super) fn is_counted(names: &Names, value: &Value) -> bool {
    matches!(value, Value::Table(table)
        if matches!(table.raw_get::<Value>(&names.counted), Ok(Value::Boolean(true))))
}

/// Writes what a script returned. `resp3`: the script asked for its replies in that protocol.
///
/// # Errors
/// Lua's: no memory.
pub(super) fn to_reply(
    names: &Names,
    value: &Value,
    reply: &mut Reply,
    (resp3, depth): (bool, usize),
) -> mlua::Result<()> {
    match value {
        Value::String(text) => reply.bulk(&text.as_bytes()),
        Value::Integer(number) => reply.integer(*number),
        Value::Number(number) => reply.integer(whole(*number)),
        Value::Boolean(true) if !resp3 => reply.integer(1),
        Value::Boolean(false) if !resp3 => reply.null(),
        Value::Boolean(value) => reply.boolean(*value),
        Value::Table(_) if depth > DEEPEST => reply.error("ERR reached lua stack limit"),
        Value::Table(table) => table_to_reply(names, table, reply, (resp3, depth))?,
        _ => reply.null(),
    }
    Ok(())
}

/// A number without its fraction. What is no integer of 64 bits, or no number, is the least one, as processors of Intel's
/// kind have it.
fn whole(number: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0; // 2^63
    match (-LIMIT..LIMIT).contains(&number) {
        true => number as i64,
        false => i64::MIN,
    }
}

/// Only strings are texts: a number in the place of one means nothing.
fn text_of(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::String(text) => Some(text.as_bytes().to_vec()),
        _ => None,
    }
}

fn table_to_reply(
    names: &Names,
    table: &Table,
    reply: &mut Reply,
    (resp3, depth): (bool, usize),
) -> mlua::Result<()> {
    if let Some(text) = text_of(&table.raw_get(&names.err)?) {
        reply.error(text);
        return Ok(());
    }
    if let Some(text) = text_of(&table.raw_get(&names.ok)?) {
        let text: Vec<u8> =
            text.iter().map(|&byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { byte }).collect();
        reply.raw(b"+");
        reply.raw(&text);
        reply.raw(b"\r\n");
        return Ok(());
    }
    match table.raw_get::<Value>(&names.double)? {
        Value::Number(number) => {
            reply.double(number);
            return Ok(());
        }
        Value::Integer(number) => {
            reply.double(number as f64);
            return Ok(());
        }
        _ => {}
    }
    if let Value::Table(map) = table.raw_get::<Value>(&names.map)? {
        let (mark, mut length) = (reply.deferred(), 0);
        for pair in map.pairs::<Value, Value>() {
            let (key, value) = pair?;
            to_reply(names, &key, reply, (resp3, depth + 1))?;
            to_reply(names, &value, reply, (resp3, depth + 1))?;
            length += 1;
        }
        reply.set_map_len(mark, length);
        return Ok(());
    }
    if let Value::Table(set) = table.raw_get::<Value>(&names.set)? {
        let (mark, mut length) = (reply.deferred(), 0);
        for pair in set.pairs::<Value, Value>() {
            to_reply(names, &pair?.0, reply, (resp3, depth + 1))?;
            length += 1;
        }
        reply.set_set_len(mark, length);
        return Ok(());
    }
    if let Some(digits) = text_of(&table.raw_get(&names.big_number)?) {
        let clean: String =
            digits.iter().map(|&b| if matches!(b, b'\r' | b'\n') { ' ' } else { char::from(b) }).collect();
        reply.big_number(&clean);
        return Ok(());
    }
    if let Value::Table(verbatim) = table.raw_get::<Value>(&names.verbatim_string)?
        && let (Some(text), Some(format)) =
            (text_of(&verbatim.raw_get(&names.string)?), text_of(&verbatim.raw_get(&names.format)?))
    {
        let mut three = String::from_utf8_lossy(&format).into_owned();
        three.truncate(3);
        reply.verbatim(&format!("{three: <3}"), &text);
        return Ok(());
    }
    let (mark, mut length) = (reply.deferred(), 0);
    for index in 1.. {
        let value: Value = table.raw_get(index)?;
        if value.is_nil() {
            break;
        }
        to_reply(names, &value, reply, (resp3, depth + 1))?;
        length += 1;
    }
    reply.set_array_len(mark, length);
    Ok(())
}
