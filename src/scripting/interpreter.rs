//! One Lua interpreter a thread: its sandbox, what it has compiled, and the limits of what runs.
//!
//! A script's globals, and the tables that all scripts share, cannot be changed (`prelude.lua`), so nothing leaks from
//! one script to the next. What is allocated is bounded for all that an interpreter holds; instructions are counted by
//! a hook.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use mlua::chunk::ChunkMode;
use mlua::{HookTriggers, Lua, LuaOptions, MultiValue, StdLib, Table, Value, VmState};

use super::cache::{self, Cache, Digest};
use super::convert::{self, Names};
use super::host::Control;
use super::registry::{Function, Library};
use super::shebang::{self, ScriptFlags};
use super::{api, libraries};

/// How many instructions pass between two looks at the limits.
const LOOK_EVERY: u32 = 1000;
/// Instructions that the code of a library may take when it is loaded.
const LOAD_BUDGET: i64 = 50_000_000;
/// Most bytes that an interpreter may hold: a script that allocates without end gets an error.
const MEMORY: usize = 256 * 1024 * 1024;
/// Most bytes beyond what it holds already that a script may take in place. What is short of it there runs elsewhere:
/// what a string library's function takes of the time grows with the length of its strings.
const MEMORY_IN_PLACE: usize = 4 * 1024 * 1024;
/// What Lua says when there is no memory.
pub(super) const NO_MEMORY: &str = "not enough memory";
/// Scripts that a thread keeps compiled; past it, it forgets all of them.
const COMPILED: usize = 2000;

/// Why a run was given up; what it did is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenUp {
    /// It took more instructions, calls, time or memory than it may here.
    Budget,
    /// Somebody stopped it.
    Killed,
    /// A command of it cannot be run here: the caller knows why.
    Call,
}

/// What answers `redis.call` while a script runs.
pub trait Answer {
    /// Runs a command; or, if the script only asks, says whether it may be run.
    ///
    /// # Errors
    /// Lua's: no memory.
    fn answer(&mut self, lua: &Lua, asks: bool, words: &MultiValue) -> mlua::Result<Answered>;
}

/// What comes of a command of a script.
#[derive(Debug)]
pub enum Answered {
    /// Its reply.
    Reply(Value),
    /// The text of an error, with its code.
    Error(Vec<u8>),
    /// The run is given up.
    GivenUp,
}

scoped_tls_hkt::scoped_thread_local!(
    /// What answers the script that this thread runs. Functions of Lua live as long as the interpreter, so none can
    /// borrow it.
    static mut ANSWERS: for<'a> &'a mut (dyn Answer + 'a)
);

/// Has a command of the running script answered; `None` if no script runs.
///
/// # Errors
/// Lua's: no memory.
pub(super) fn answer(
    lua: &Lua,
    limits: &Limits,
    asks: bool,
    words: &MultiValue,
) -> mlua::Result<Option<Answered>> {
    if !ANSWERS.is_set() {
        return Ok(None);
    }
    let _unbounded = Unbounded::new(lua, limits);
    ANSWERS.with(|answers| answers.answer(lua, asks, words)).map(Some)
}

/// How far a script may go.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// It runs on a thread that serves clients: past the bounds of time and memory it has to run elsewhere.
    pub in_place: bool,
    /// Instructions; calls count as some.
    pub budget: i64,
    /// Who watches over it.
    pub control: Option<Arc<dyn Control>>,
}

/// What the hook looks at.
#[derive(Debug, Default)]
pub struct Limits {
    budget: Cell<i64>,
    in_place: Cell<bool>,
    /// Most bytes that the interpreter may hold while the script runs.
    memory: Cell<usize>,
    given_up: Cell<Option<GivenUp>>,
    control: RefCell<Option<Arc<dyn Control>>>,
    /// Protocol that the script asked its replies in: 2 or 3.
    pub resp: Cell<u8>,
    /// Lines for the operator, with their levels; whoever runs the script writes them when it has ended.
    pub lines: RefCell<Vec<(u8, Vec<u8>)>>,
}

impl Limits {
    /// Takes so many instructions from the budget. False if the run is given up.
    pub fn spend(&self, instructions: i64) -> bool {
        if self.given_up.get().is_some() {
            return false;
        }
        let left = self.budget.get().saturating_sub(instructions);
        self.budget.set(left);
        if left < 0 {
            self.give_up(GivenUp::Budget);
        }
        self.given_up.get().is_none()
    }

    /// Takes instructions from the budget, and asks who watches, as the hook does. False if the run is given up.
    pub fn look(&self, instructions: i64) -> bool {
        if self.spend(instructions)
            && let Some(control) = &*self.control.borrow()
            && !control.may_go_on()
        {
            self.give_up(if self.in_place.get() { GivenUp::Budget } else { GivenUp::Killed });
        }
        self.given_up.get().is_none()
    }

    /// A problem that a script meets: one in place that there is no memory gives up the run, since elsewhere there is
    /// more.
    pub(super) fn look_at(&self, problem: &Value) {
        if self.in_place.get()
            && let Value::String(text) = problem
            && *text.as_bytes() == *NO_MEMORY.as_bytes()
        {
            self.give_up(GivenUp::Budget);
        }
    }

    /// Whether something may not be begun here that may take long, and that no hook interrupts: in place the run is
    /// given up.
    pub(super) fn is_too_much_in_place(&self) -> bool {
        if self.in_place.get() {
            self.give_up(GivenUp::Budget);
        }
        self.in_place.get()
    }

    /// Ends the run.
    pub fn give_up(&self, why: GivenUp) {
        if self.given_up.get().is_none() {
            self.given_up.set(Some(why));
        }
    }

    /// Why the run was given up, if it was.
    pub fn given_up(&self) -> Option<GivenUp> {
        self.given_up.get()
    }

    /// Bytes that the interpreter may still take.
    pub(super) fn memory_left(&self, lua: &Lua) -> usize {
        self.memory.get().saturating_sub(lua.used_memory())
    }

    fn begin(&self, lua: &Lua, bounds: Bounds) {
        self.budget.set(bounds.budget);
        self.in_place.set(bounds.in_place);
        let memory = if bounds.in_place { lua.used_memory() + MEMORY_IN_PLACE } else { MEMORY };
        self.memory.set(memory.min(MEMORY));
        self.given_up.set(None);
        self.resp.set(2);
        self.lines.borrow_mut().clear();
        *self.control.borrow_mut() = bounds.control;
    }

    /// What is called next is the interpreter's own: that the run before was given up must not end it.
    fn lift(&self) {
        self.budget.set(i64::MAX);
        self.given_up.set(None);
        *self.control.borrow_mut() = None;
    }
}

/// While this is there, the interpreter's memory is not bounded. Every operation that may meet the bound is a protected
/// call of Lua's, which costs more than the operation: what the host makes for a script is bounded by the host.
#[derive(Debug)]
pub struct Unbounded<'a> {
    lua: &'a Lua,
    limits: &'a Limits,
}

impl<'a> Unbounded<'a> {
    /// The bound is lifted.
    pub fn new(lua: &'a Lua, limits: &'a Limits) -> Unbounded<'a> {
        bound(lua, 0);
        Unbounded { lua, limits }
    }
}

impl Drop for Unbounded<'_> {
    fn drop(&mut self) {
        bound(self.lua, self.limits.memory.get());
    }
}

/// Sets the most bytes that the interpreter may hold; 0: any number.
fn bound(lua: &Lua, bytes: usize) {
    lua.set_memory_limit(bytes).expect("the allocator is mlua's own");
}

/// A script that this thread has compiled.
#[derive(Debug)]
pub struct Script {
    /// Its digest.
    pub digest: Digest,
    /// What its first line says; `None` without one.
    pub flags: Option<ScriptFlags>,
    /// The compiled chunk's place in a table of the prelude's. A handle would be one of the few thousand that Lua has
    /// room for.
    number: usize,
}

/// What is run.
#[derive(Debug)]
pub enum Body {
    /// A script, with KEYS and ARGV as globals.
    Script(Rc<Script>),
    /// A function, with them as arguments.
    Function(mlua::Function),
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Interpreter {
    /// The interpreter itself.
    pub lua: Lua,
    /// The limits of what runs.
    pub limits: Rc<Limits>,
    /// Names of fields.
    pub(super) names: Rc<Names>,
    registered: Rc<RefCell<Option<Registered>>>,
    script_environment: Table,
    function_environment: Table,
    run_script: mlua::Function,
    run_function: mlua::Function,
    load_library: mlua::Function,
    syntax_error: mlua::Function,
    keep_script: mlua::Function,
    forget_scripts: mlua::Function,
    compiled: Cell<usize>,
    by_text: RefCell<HashMap<Box<[u8]>, Rc<Script>, ahash::RandomState>>,
    by_digest: RefCell<HashMap<Digest, Rc<Script>, ahash::RandomState>>,
    epoch: Cell<u64>,
    loaded: RefCell<HashMap<String, Loaded>>,
}

/// What a library registers while it is loaded.
pub(super) type Registered = Vec<(Function, mlua::Function)>;

#[derive(Debug)]
struct Loaded {
    library: Arc<Library>,
    functions: HashMap<String, mlua::Function>,
}

thread_local! {
    static INTERPRETER: RefCell<Option<Rc<Interpreter>>> = const { RefCell::new(None) };
}

/// Calls `f` with this thread's interpreter, which is made when it is first needed.
///
/// # Panics
/// If the interpreter cannot be made: its own code does not load.
pub fn with<R>(f: impl FnOnce(&Rc<Interpreter>) -> R) -> R {
    let interpreter = INTERPRETER.with(|slot| {
        slot.borrow_mut()
            .get_or_insert_with(|| {
                Rc::new(Interpreter::new().unwrap_or_else(|error| panic!("Lua does not start: {error}")))
            })
            .clone()
    });
    f(&interpreter)
}

/// Bytes that this thread's interpreter holds.
pub fn used_memory() -> usize {
    INTERPRETER.with(|slot| slot.borrow().as_ref().map_or(0, |interpreter| interpreter.lua.used_memory()))
}

impl Interpreter {
    fn new() -> mlua::Result<Interpreter> {
        let safe = StdLib::TABLE | StdLib::STRING | StdLib::MATH;
        let lua = Lua::new_with(safe, LuaOptions::new().catch_rust_panics(false))?;
        let limits = Rc::new(Limits::default());
        let registered = Rc::new(RefCell::new(None));
        let native = lua.create_table()?;
        libraries::install(&lua, &native)?;
        let names = Rc::new(Names::new(&lua)?);
        api::install(&lua, &native, &limits, &registered, &names)?;
        let controls: Table = lua.load(include_str!("prelude.lua")).set_name("=prelude").call(native)?;
        let seen = limits.clone();
        lua.set_global_hook(HookTriggers::new().every_nth_instruction(LOOK_EVERY), move |_, _| {
            match seen.look(i64::from(LOOK_EVERY)) {
                true => Ok(VmState::Continue),
                false => Err(mlua::Error::runtime("the script is given up")),
            }
        })?;
        limits.memory.set(MEMORY);
        lua.set_memory_limit(MEMORY)?;
        Ok(Interpreter {
            script_environment: controls.get("script_environment")?,
            function_environment: controls.get("function_environment")?,
            run_script: controls.get("run_script")?,
            run_function: controls.get("run_function")?,
            load_library: controls.get("load_library")?,
            syntax_error: controls.get("syntax_error")?,
            keep_script: controls.get("keep_script")?,
            forget_scripts: controls.get("forget_scripts")?,
            compiled: Cell::new(0),
            lua,
            limits,
            names,
            registered,
            by_text: RefCell::default(),
            by_digest: RefCell::default(),
            epoch: Cell::new(0),
            loaded: RefCell::default(),
        })
    }

    fn forget_what_is_old(&self, cache: &Cache) {
        let epoch = cache.epoch();
        if self.epoch.replace(epoch) != epoch || self.by_text.borrow().len() > COMPILED {
            self.by_text.borrow_mut().clear();
            self.by_digest.borrow_mut().clear();
            self.limits.lift();
            // Without memory they stay, and nothing asks for them.
            let _ = self.forget_scripts.call::<()>(());
        }
    }

    /// A script by its text, which is kept.
    ///
    /// # Errors
    /// The text of the error that the client gets.
    pub fn script(&self, cache: &Cache, text: &[u8], load: bool) -> Result<Rc<Script>, Vec<u8>> {
        self.forget_what_is_old(cache);
        if let Some(script) = self.by_text.borrow().get(text)
            && !load
        {
            return Ok(script.clone());
        }
        let script = self.compile(cache::digest(text), text)?;
        cache.put(script.digest, &Arc::from(text), load);
        self.keep(text, &script);
        Ok(script)
    }

    /// A script by its digest; `None` if nobody has sent it.
    ///
    /// # Errors
    /// The text of the error that the client gets.
    pub fn known_script(&self, cache: &Cache, digest: &Digest) -> Result<Option<Rc<Script>>, Vec<u8>> {
        self.forget_what_is_old(cache);
        if let Some(script) = self.by_digest.borrow().get(digest) {
            return Ok(Some(script.clone()));
        }
        let Some(text) = cache.get(digest) else { return Ok(None) };
        let script = self.compile(*digest, &text)?;
        self.keep(&text, &script);
        Ok(Some(script))
    }

    fn keep(&self, text: &[u8], script: &Rc<Script>) {
        self.by_text.borrow_mut().insert(text.into(), script.clone());
        self.by_digest.borrow_mut().insert(script.digest, script.clone());
    }

    fn compile(&self, digest: Digest, text: &[u8]) -> Result<Rc<Script>, Vec<u8>> {
        let (flags, rest) = shebang::of_script(text)?;
        let chunk = self.chunk(rest, "@user_script", &self.script_environment);
        let chunk =
            chunk.map_err(|why| [b"ERR Error compiling script (new function): ", &why[..]].concat())?;
        let number = self.compiled.get();
        self.compiled.set(number + 1);
        self.limits.lift();
        self.keep_script
            .call::<()>((number, chunk))
            .map_err(|why| format!("ERR Error compiling script (new function): {why}").into_bytes())?;
        Ok(Rc::new(Script { digest, flags, number }))
    }

    fn chunk(&self, text: &[u8], name: &str, environment: &Table) -> Result<mlua::Function, Vec<u8>> {
        let chunk = self.lua.load(text).set_name(name).set_mode(ChunkMode::Text);
        chunk.set_environment(environment.clone()).into_function().map_err(|error| match error {
            // Lua quotes bytes that may be no text: asked again, it says them as they are.
            mlua::Error::SyntaxError { message, .. } if message.contains(char::REPLACEMENT_CHARACTER) => {
                let text = self.lua.create_string(text);
                let why = text.and_then(|text| self.syntax_error.call::<mlua::LuaString>((text, name)));
                why.map_or(message.into_bytes(), |why| why.as_bytes().to_vec())
            }
            mlua::Error::SyntaxError { message, .. } => message.into_bytes(),
            other => other.to_string().into_bytes(),
        })
    }

    /// Runs the code of a library, and says what it registered.
    ///
    /// # Errors
    /// The text of the error that the client gets.
    pub fn functions_of(&self, code: &[u8]) -> Result<Vec<Function>, Vec<u8>> {
        Ok(self.register(code)?.into_iter().map(|(function, _)| function).collect())
    }

    fn register(&self, code: &[u8]) -> Result<Registered, Vec<u8>> {
        let (_, rest) = shebang::of_library(code)?;
        let chunk = self.chunk(rest, "@user_function", &self.function_environment);
        let chunk = chunk.map_err(|why| [b"ERR Error compiling function: ", &why[..]].concat())?;
        self.limits.begin(&self.lua, Bounds { in_place: false, budget: LOAD_BUDGET, control: None });
        *self.registered.borrow_mut() = Some(Vec::new());
        let run = self.load_library.call::<(bool, Value)>(chunk);
        let functions = self.registered.borrow_mut().take().unwrap_or_default();
        let failed = |why: &[u8]| [b"ERR Error registering functions: ", why].concat();
        if self.limits.given_up().is_some() {
            return Err(failed(b"FUNCTION LOAD timeout"));
        }
        match run {
            Ok((true, _)) if functions.is_empty() => Err(b"ERR No functions registered".to_vec()),
            Ok((true, _)) => Ok(functions),
            Ok((false, problem)) => Err(failed(&error_text(&problem))),
            Err(error) => Err(failed(error.to_string().as_bytes())),
        }
    }

    /// A function of a library, which is loaded in this thread when it is first called here.
    ///
    /// # Errors
    /// The text of the error that the client gets.
    pub fn function(&self, library: &Arc<Library>, name: &str) -> Result<mlua::Function, Vec<u8>> {
        if let Some(loaded) = self.loaded.borrow().get(&library.name)
            && Arc::ptr_eq(&loaded.library, library)
            && let Some(function) = loaded.functions.get(name)
        {
            return Ok(function.clone());
        }
        let registered = self.register(&library.code)?;
        let functions: HashMap<_, _> =
            registered.into_iter().map(|(function, body)| (function.name, body)).collect();
        let found = functions.get(name).cloned();
        let loaded = Loaded { library: library.clone(), functions };
        self.loaded.borrow_mut().insert(library.name.clone(), loaded);
        found.ok_or_else(|| b"ERR Function not found".to_vec())
    }

    /// Runs a script or a function with `keys` and `arguments`; `answers` runs its commands: whether it came to its end,
    /// and its result or its error.
    ///
    /// # Errors
    /// Those of Lua outside of the script: no memory.
    pub fn run<'w>(
        &self,
        body: &Body,
        answers: &mut dyn Answer,
        (keys, arguments): (impl Iterator<Item = &'w [u8]>, impl Iterator<Item = &'w [u8]>),
        bounds: Bounds,
    ) -> mlua::Result<(bool, Value)> {
        let (lua, limits) = (&self.lua, &*self.limits);
        limits.begin(lua, bounds);
        let unbounded = Unbounded::new(lua, limits);
        let (keys, arguments) = (sequence(lua, keys)?, sequence(lua, arguments)?);
        drop(unbounded);
        let ran = ANSWERS.set(answers, || match body {
            Body::Script(script) => self.run_script.call((script.number, keys, arguments)),
            Body::Function(function) => self.run_function.call((function, keys, arguments)),
        });
        *limits.control.borrow_mut() = None;
        if let Ok((false, problem)) = &ran {
            limits.look_at(problem);
        }
        // What is made of the result is the host's business.
        limits.memory.set(MEMORY);
        bound(lua, MEMORY);
        if lua.used_memory() > MEMORY / 2 {
            // What the script left would be missing to the next one; Lua by itself collects it late. Without memory for
            // that, it is as it was.
            let _ = lua.gc_collect();
        }
        ran
    }
}

fn sequence<'w>(lua: &Lua, words: impl Iterator<Item = &'w [u8]>) -> mlua::Result<Table> {
    let table = lua.create_table_with_capacity(words.size_hint().0, 0)?;
    for (index, word) in words.enumerate() {
        convert::put(lua, &table, index + 1, word)?;
    }
    Ok(table)
}

/// The text of an error that a script ended with.
pub fn error_text(problem: &Value) -> Vec<u8> {
    match problem {
        Value::Table(table) => match table.raw_get::<Value>("err") {
            Ok(Value::String(text)) => text.as_bytes().to_vec(),
            _ => b"ERR unknown error".to_vec(),
        },
        Value::String(text) => [b"ERR ", &text.as_bytes()[..]].concat(),
        other => format!("ERR {}", other.to_string().unwrap_or_default()).into_bytes(),
    }
}
