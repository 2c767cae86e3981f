//! The libraries that Redis gives to scripts, with its results: `cjson`, `cmsgpack`, `struct`, `bit`, and `math.random`.

mod bit;
mod cjson;
mod cmsgpack;
mod json_reader;
mod number;
mod packed;
mod patterns;
mod random;

use mlua::{Function, Lua, MultiValue, Table, Value};

/// Why a native function has no results.
#[derive(Debug)]
pub(super) enum Fault {
    /// A message, to which Lua adds where the function was called.
    At(Vec<u8>),
    /// The text of an error reply.
    Reply(&'static str),
    /// Lua's own: no memory.
    Lua(mlua::Error),
}

impl From<mlua::Error> for Fault {
    fn from(error: mlua::Error) -> Fault {
        Fault::Lua(error)
    }
}

/// A message, to which Lua adds where the function was called.
pub(super) fn fault(message: impl Into<String>) -> Fault {
    Fault::At(message.into().into_bytes())
}

/// What Lua says of an argument, counted from 1.
pub(super) fn bad_argument(index: usize, function: &str, why: &str) -> Fault {
    fault(format!("bad argument #{index} to '{function}' ({why})"))
}

/// What a native function answers.
pub(super) type Outcome = Result<Vec<Value>, Fault>;

/// An error of a native function on its way to the script: a string, or (`is_reply`) the text of an error reply.
#[derive(Debug)]
pub(super) struct Raised {
    pub(super) text: Vec<u8>,
    pub(super) is_reply: bool,
}

impl std::fmt::Display for Raised {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.text))
    }
}

impl std::error::Error for Raised {}

/// Ends a native function with an error.
pub(super) fn raise(lua: &Lua, fault: Fault) -> mlua::Error {
    match fault {
        Fault::At(message) => {
            let text = [place(lua), message].concat();
            mlua::Error::external(Raised { text, is_reply: false })
        }
        Fault::Reply(text) => mlua::Error::external(Raised { text: text.into(), is_reply: true }),
        Fault::Lua(error) => error,
    }
}

/// Where the running native function was called, as Lua writes it before a message.
fn place(lua: &Lua) -> Vec<u8> {
    let found = lua.inspect_stack(1, |frame| {
        let line = frame.current_line()?;
        Some(format!("{}:{line}: ", frame.source().short_src?))
    });
    found.flatten().unwrap_or_default().into_bytes()
}

/// A native function as a C function of Redis: its errors name the place where it was called.
pub(super) fn native(lua: &Lua, run: impl Fn(&Lua, &[Value]) -> Outcome + 'static) -> mlua::Result<Function> {
    lua.create_function(move |lua, args: MultiValue| {
        let args: Vec<Value> = args.into_iter().collect();
        match run(lua, &args) {
            Ok(results) => Ok(results.into_iter().collect::<MultiValue>()),
            Err(fault) => Err(raise(lua, fault)),
        }
    })
}

/// Gives the prelude all libraries.
pub(super) fn install(lua: &Lua, to: &Table) -> mlua::Result<()> {
    to.set("bit", bit::library(lua)?)?;
    to.set("struct", packed::library(lua)?)?;
    to.set("cmsgpack", cmsgpack::library(lua)?)?;
    to.set("new_cjson", lua.create_function(|lua, ()| cjson::library(lua))?)?;
    to.set("math", random::library(lua)?)?;
    let weight = |_: &Lua, pattern: mlua::LuaString| Ok(patterns::weight(&pattern.as_bytes()));
    to.set("weight_of_pattern", lua.create_function(weight)?)
}

/// The name of a value's type, as Lua has it.
pub(super) fn type_name(value: Option<&Value>) -> &'static str {
    match value {
        None => "no value",
        Some(Value::Nil) => "nil",
        Some(Value::Boolean(_)) => "boolean",
        Some(Value::Integer(_) | Value::Number(_)) => "number",
        Some(Value::String(_)) => "string",
        Some(Value::Table(_)) => "table",
        Some(Value::Function(_)) => "function",
        Some(Value::Thread(_)) => "thread",
        Some(_) => "userdata",
    }
}

/// An argument as a number, counted from 1; a string that reads as one counts.
pub(super) fn number_of(lua: &Lua, args: &[Value], index: usize, function: &str) -> Result<f64, Fault> {
    let value = args.get(index - 1);
    match value {
        Some(Value::Integer(number)) => Ok(*number as f64),
        Some(Value::Number(number)) => Ok(*number),
        Some(text @ Value::String(_)) => lua
            .coerce_number(text.clone())?
            .ok_or_else(|| bad_argument(index, function, "number expected, got string")),
        other => Err(bad_argument(index, function, &format!("number expected, got {}", type_name(other)))),
    }
}

/// An argument as a string, counted from 1; numbers count.
pub(super) fn string_of(lua: &Lua, args: &[Value], index: usize, function: &str) -> Result<Vec<u8>, Fault> {
    match args.get(index - 1) {
        Some(Value::String(text)) => Ok(text.as_bytes().to_vec()),
        Some(number @ (Value::Integer(_) | Value::Number(_))) => {
            let text = lua.coerce_string(number.clone())?;
            Ok(text.map(|text| text.as_bytes().to_vec()).unwrap_or_default())
        }
        other => Err(bad_argument(index, function, &format!("string expected, got {}", type_name(other)))),
    }
}

/// An argument as an integer, counted from 1, or what it is if there is none.
pub(super) fn integer_or(
    lua: &Lua,
    args: &[Value],
    index: usize,
    function: &str,
    otherwise: i64,
) -> Result<i64, Fault> {
    match args.get(index - 1) {
        None | Some(Value::Nil) => Ok(otherwise),
        Some(_) => Ok(number_of(lua, args, index, function)? as i64),
    }
}
