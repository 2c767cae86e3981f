//! `redis.*`: what scripts call beside commands.

use std::cell::RefCell;
use std::rc::Rc;

use mlua::{Function as LuaFunction, Lua, MultiValue, Table, Value};

use super::cache;
use super::convert::Names;
use super::interpreter::{Answered, Limits, NO_MEMORY, Registered, answer};
use super::libraries::{Fault, Outcome, Raised, native, raise};
use super::registry::Function;
use super::shebang::{self, ScriptFlags};

/// Lines for the operator that one run of a script may leave.
const MOST_LINES: usize = 1000;
/// The version that scripts are told: that of the behaviour.
const VERSION: &str = crate::info::REDIS_VERSION;

/// Gives the prelude the tables of `redis`, and what it asks of the interpreter.
pub(super) fn install(
    lua: &Lua,
    to: &Table,
    limits: &Rc<Limits>,
    registered: &Rc<RefCell<Option<Registered>>>,
    names: &Rc<Names>,
) -> mlua::Result<()> {
    let seen = limits.clone();
    to.set("is_given_up", lua.create_function(move |_, ()| Ok(seen.given_up().is_some()))?)?;
    let seen = limits.clone();
    to.set("is_too_much", lua.create_function(move |_, ()| Ok(seen.is_too_much_in_place()))?)?;
    to.set("place", lua.create_function(|lua, ()| place(lua))?)?;
    let (seen, known) = (limits.clone(), names.clone());
    to.set("unwrap", lua.create_function(move |lua, problem| unwrap(lua, &seen, &known, problem))?)?;

    let shared = lua.create_table()?;
    constants(&shared)?;
    shared.set("log", log(lua, limits)?)?;

    let load = lua.create_table()?;
    for pair in shared.pairs::<String, Value>() {
        let (name, value) = pair?;
        load.set(name, value)?;
    }
    let target = registered.clone();
    load.set("register_function", native(lua, move |_, args| register(&target, args))?)?;

    for (name, value) in [("REPL_NONE", 0), ("REPL_AOF", 1), ("REPL_SLAVE", 2), ("REPL_REPLICA", 2)] {
        shared.set(name, value)?;
    }
    shared.set("REPL_ALL", 3)?;
    let spent = limits.clone();
    shared.set("sha1hex", native(lua, move |lua, args| sha1hex(lua, &spent, args))?)?;
    shared.set("error_reply", native(lua, error_reply)?)?;
    shared.set("status_reply", native(lua, status_reply)?)?;
    shared.set("set_repl", native(lua, set_repl)?)?;
    let asked = limits.clone();
    shared.set("setresp", native(lua, move |lua, args| set_protocol(lua, &asked, args))?)?;
    shared.set("call", caller(lua, limits, names, (false, true))?)?;
    shared.set("pcall", caller(lua, limits, names, (false, false))?)?;
    shared.set("acl_check_cmd", caller(lua, limits, names, (true, true))?)?;
    to.set("redis", shared)?;
    to.set("redis_load", load)?;

    let scripts = lua.create_table()?;
    scripts.set("replicate_commands", native(lua, |_, _| Ok(vec![Value::Boolean(true)]))?)?;
    scripts.set("breakpoint", native(lua, |_, _| Ok(vec![Value::Boolean(false)]))?)?;
    scripts.set("debug", native(lua, |_, _| Ok(Vec::new()))?)?;
    to.set("redis_scripts", scripts)
}

/// An error as a script sees it: those of native functions as strings, or as tables.
fn unwrap(lua: &Lua, limits: &Limits, names: &Names, problem: Value) -> mlua::Result<Value> {
    let problem = match problem {
        Value::Error(error) => match error.downcast_ref::<Raised>() {
            Some(Raised { text, is_reply: true }) => return super::convert::failure(lua, names, text),
            Some(Raised { text, is_reply: false }) => Value::String(lua.create_string(text)?),
            None => {
                let text = match &*error {
                    mlua::Error::MemoryError(_) => NO_MEMORY.to_string(),
                    mlua::Error::CallbackError { cause, .. } => match &**cause {
                        mlua::Error::MemoryError(_) => NO_MEMORY.to_string(),
                        other => other.to_string(),
                    },
                    other => other.to_string(),
                };
                Value::String(lua.create_string(text)?)
            }
        },
        other => other,
    };
    limits.look_at(&problem);
    Ok(problem)
}

/// `redis.call`, `redis.pcall` and `redis.acl_check_cmd`: what runs just now answers them. `raises`: an error ends the
/// script, unless it catches it.
fn caller(
    lua: &Lua,
    limits: &Rc<Limits>,
    names: &Rc<Names>,
    (asks, raises): (bool, bool),
) -> mlua::Result<LuaFunction> {
    let (limits, names) = (limits.clone(), names.clone());
    lua.create_function(move |lua, words: MultiValue| match answer(lua, &limits, asks, &words)? {
        Some(Answered::Reply(value)) => Ok(value),
        Some(Answered::Error(text)) if raises => Err(mlua::Error::external(Raised { text, is_reply: true })),
        Some(Answered::Error(text)) => super::convert::failure(lua, &names, &text),
        Some(Answered::GivenUp) => Err(mlua::Error::runtime("the script is given up")),
        None => Err(raise(
            lua,
            Fault::Reply("ERR redis.call/pcall can only be called inside a script invocation"),
        )),
    })
}

fn constants(table: &Table) -> mlua::Result<()> {
    for (level, name) in ["LOG_DEBUG", "LOG_VERBOSE", "LOG_NOTICE", "LOG_WARNING"].into_iter().enumerate() {
        table.set(name, level)?;
    }
    let number = VERSION.split('.').fold(0i64, |sum, part| (sum << 8) | part.parse::<i64>().unwrap_or(0));
    table.set("REDIS_VERSION", VERSION)?;
    table.set("REDIS_VERSION_NUM", number)
}

/// The innermost place in the script's own text that the calling handler can see: source and line.
fn place(lua: &Lua) -> mlua::Result<(Option<mlua::LuaString>, Option<usize>)> {
    const DEEPEST: usize = 64;
    // 0 is this function, 1 the handler.
    for level in 2..DEEPEST {
        let found = lua.inspect_stack(level, |frame| {
            let source = frame.source();
            let text = source.source.as_deref().unwrap_or_default().to_string();
            text.starts_with('@').then_some((text, frame.current_line()))
        });
        match found {
            None => break,
            Some(None) => {}
            Some(Some((source, line))) => return Ok((Some(lua.create_string(source)?), line)),
        }
    }
    Ok((None, None))
}

fn log(lua: &Lua, limits: &Rc<Limits>) -> mlua::Result<LuaFunction> {
    let limits = limits.clone();
    native(lua, move |lua, args| {
        if args.len() < 2 {
            return Err(Fault::Reply("ERR redis.log() requires two arguments or more."));
        }
        let Some(level) = lua.coerce_number(args[0].clone())? else {
            return Err(Fault::Reply("ERR First argument must be a number (log level)."));
        };
        if !(0.0..=3.0).contains(&level) {
            return Err(Fault::Reply("ERR Invalid debug level."));
        }
        let mut line = Vec::new();
        for value in &args[1..] {
            let Some(text) = lua.coerce_string(value.clone())? else { continue };
            if !line.is_empty() {
                line.push(b' ');
            }
            line.extend_from_slice(&text.as_bytes());
        }
        let mut lines = limits.lines.borrow_mut();
        if lines.len() < MOST_LINES {
            lines.push((level as u8, line));
        }
        Ok(Vec::new())
    })
}

fn sha1hex(lua: &Lua, limits: &Limits, args: &[Value]) -> Outcome {
    /// About what the time of an instruction suffices for.
    const BYTES_AN_INSTRUCTION: usize = 8;
    if args.len() != 1 {
        return Err(Fault::Reply("ERR wrong number of arguments"));
    }
    let text = lua.coerce_string(args[0].clone())?.map(|text| text.as_bytes().to_vec()).unwrap_or_default();
    if !limits.spend((text.len() / BYTES_AN_INSTRUCTION) as i64) {
        return Err(mlua::Error::runtime("the script is given up").into());
    }
    Ok(vec![Value::String(lua.create_string(cache::digest(&text))?)])
}

fn table_of(lua: &Lua, name: &str, text: &[u8]) -> Outcome {
    let table = lua.create_table()?;
    table.raw_set(name, lua.create_string(text)?)?;
    Ok(vec![Value::Table(table)])
}

fn only_string(args: &[Value]) -> Option<Vec<u8>> {
    match args {
        [Value::String(text)] => Some(text.as_bytes().to_vec()),
        _ => None,
    }
}

fn error_reply(lua: &Lua, args: &[Value]) -> Outcome {
    let Some(text) = only_string(args) else {
        return table_of(lua, "err", b"ERR wrong number or type of arguments");
    };
    let text = text.strip_prefix(b"-").unwrap_or(&text);
    // One word alone has no code yet.
    match text.contains(&b' ') {
        true => table_of(lua, "err", text),
        false => table_of(lua, "err", &[b"ERR ", text].concat()),
    }
}

fn status_reply(lua: &Lua, args: &[Value]) -> Outcome {
    match only_string(args) {
        Some(text) => table_of(lua, "ok", &text),
        None => table_of(lua, "err", b"ERR wrong number or type of arguments"),
    }
}

fn set_repl(lua: &Lua, args: &[Value]) -> Outcome {
    if args.len() != 1 {
        return Err(Fault::Reply("ERR redis.set_repl() requires two arguments."));
    }
    let flags = lua.coerce_number(args[0].clone())?.unwrap_or(0.0) as i64;
    if flags & !3 != 0 {
        return Err(Fault::Reply(
            "ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.",
        ));
    }
    Ok(Vec::new())
}

fn set_protocol(lua: &Lua, limits: &Limits, args: &[Value]) -> Outcome {
    if args.len() != 1 {
        return Err(Fault::Reply("ERR redis.setresp() requires one argument."));
    }
    match lua.coerce_number(args[0].clone())?.unwrap_or(0.0) as i64 {
        version @ 2..=3 => limits.resp.set(version as u8),
        _ => return Err(Fault::Reply("ERR RESP version must be 2 or 3.")),
    }
    Ok(Vec::new())
}

fn register(target: &RefCell<Option<Registered>>, args: &[Value]) -> Outcome {
    let mut target = target.borrow_mut();
    let Some(registered) = target.as_mut() else {
        return Err(Fault::Reply("ERR redis.register_function can only be called on FUNCTION LOAD command"));
    };
    let (name, callback, description, flags) = match args {
        [Value::Table(named)] => named_arguments(named)?,
        [_] => {
            return Err(Fault::Reply(
                "ERR calling redis.register_function with a single argument is only applicable to Lua table \
                 (representing named arguments).",
            ));
        }
        [Value::String(name), Value::Function(callback)] => {
            (name.as_bytes().to_vec(), callback.clone(), None, ScriptFlags::default())
        }
        [Value::String(_), _] => {
            return Err(Fault::Reply("ERR second argument to redis.register_function must be a function"));
        }
        [_, _] => return Err(Fault::Reply("ERR first argument to redis.register_function must be a string")),
        _ => return Err(Fault::Reply("ERR wrong number of arguments to redis.register_function")),
    };
    if !shebang::is_name(&name) {
        return Err(Fault::Reply(shebang::BAD_NAME));
    }
    let name = String::from_utf8_lossy(&name).into_owned();
    if registered.iter().any(|(other, _)| other.name.eq_ignore_ascii_case(&name)) {
        return Err(Fault::Reply("ERR Function already exists in the library"));
    }
    registered.push((Function { name, description, flags }, callback));
    Ok(Vec::new())
}

type Named = (Vec<u8>, LuaFunction, Option<Vec<u8>>, ScriptFlags);

fn named_arguments(named: &Table) -> Result<Named, Fault> {
    let (mut name, mut callback, mut description) = (None, None, None);
    let mut flags = ScriptFlags::default();
    for pair in named.pairs::<Value, Value>() {
        let (key, value) = pair?;
        let Value::String(key) = key else {
            return Err(Fault::Reply(
                "ERR named argument key given to redis.register_function is not a string",
            ));
        };
        let text = match &value {
            Value::String(text) => Some(text.as_bytes().to_vec()),
            _ => None,
        };
        match &*key.as_bytes().to_ascii_lowercase() {
            b"function_name" => {
                name = Some(text.ok_or(Fault::Reply(
                    "ERR function_name argument given to redis.register_function must be a string",
                ))?);
            }
            b"description" => {
                description = Some(text.ok_or(Fault::Reply(
                    "ERR description argument given to redis.register_function must be a string",
                ))?);
            }
            b"callback" => match value {
                Value::Function(function) => callback = Some(function),
                _ => {
                    return Err(Fault::Reply(
                        "ERR callback argument given to redis.register_function must be a function",
                    ));
                }
            },
            b"flags" => match value {
                Value::Table(list) => flags = flags_of(&list)?,
                _ => {
                    return Err(Fault::Reply(
                        "ERR flags argument to redis.register_function must be a table representing function flags",
                    ));
                }
            },
            _ => return Err(Fault::Reply("ERR unknown argument given to redis.register_function")),
        }
    }
    let name = name.ok_or(Fault::Reply("ERR redis.register_function must get a function name argument"))?;
    let callback =
        callback.ok_or(Fault::Reply("ERR redis.register_function must get a callback argument"))?;
    Ok((name, callback, description, flags))
}

fn flags_of(list: &Table) -> Result<ScriptFlags, Fault> {
    let mut flags = ScriptFlags::default();
    for index in 1.. {
        match list.raw_get::<Value>(index)? {
            Value::Nil => break,
            Value::String(name) => match ScriptFlags::named(&name.as_bytes()) {
                Some(flag) => flags.add(flag),
                None => return Err(Fault::Reply("ERR unknown flag given")),
            },
            _ => return Err(Fault::Reply("ERR unknown flag given")),
        }
    }
    Ok(flags)
}
