//! The libraries of functions: immutable once made, shared by all threads, replaced as a whole.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::interpreter;
use super::shebang::{self, ScriptFlags};
use crate::rdb::{self, crc64, sink, source::Source};

/// One function of a library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// What its author says of it.
    pub description: Option<Vec<u8>>,
    /// What it may do.
    pub flags: ScriptFlags,
}

/// A library: its code, and what that registered when it was loaded.
#[derive(Debug, PartialEq, Eq)]
pub struct Library {
    /// Its name.
    pub name: String,
    /// All of its code, first line included.
    pub code: Vec<u8>,
    /// Its functions, in the order of their names.
    pub functions: Vec<Function>,
}

impl Library {
    /// Runs the code of a library, to know its functions.
    ///
    /// # Errors
    /// The text of the error that the client gets.
    pub fn load(code: &[u8]) -> Result<Library, Vec<u8>> {
        let (name, _) = shebang::of_library(code)?;
        let mut functions = interpreter::with(|interpreter| interpreter.functions_of(code))?;
        functions.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(Library { name, code: code.to_vec(), functions })
    }
}

/// What to do with libraries that are there, when others are restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// They stay; one of the same name is an error.
    Append,
    /// All of them go.
    Flush,
    /// Those of the same names are replaced.
    Replace,
}

/// See the module's documentation.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    libraries: BTreeMap<String, Arc<Library>>,
    /// By name in lower case: the library and the place in it.
    functions: HashMap<String, (Arc<Library>, usize)>,
}

/// The opcode of a library in RDB files and dumps.
const FUNCTION: u8 = 245;

impl Registry {
    /// All libraries, in the order of their names.
    pub fn libraries(&self) -> impl ExactSizeIterator<Item = &Arc<Library>> {
        self.libraries.values()
    }

    /// How many functions there are.
    pub fn function_count(&self) -> usize {
        self.functions.len()
    }

    /// A library by its name.
    pub fn library(&self, name: &[u8]) -> Option<&Arc<Library>> {
        self.libraries.get(std::str::from_utf8(name).ok()?)
    }

    /// A function by its name, in any case: its library, and its place there.
    pub fn function(&self, name: &[u8]) -> Option<&(Arc<Library>, usize)> {
        self.functions.get(&std::str::from_utf8(name).ok()?.to_ascii_lowercase())
    }

    /// Adds a library, or replaces one of the same name.
    ///
    /// # Errors
    /// The text of the error that the client gets: a function of this name is another library's.
    pub fn add(&mut self, library: Library) -> Result<(), Vec<u8>> {
        for function in &library.functions {
            let taken = self.functions.get(&function.name.to_ascii_lowercase());
            if taken.is_some_and(|(other, _)| other.name != library.name) {
                return Err(format!("ERR Function {} already exists", function.name).into_bytes());
            }
        }
        self.remove(library.name.as_bytes());
        let library = Arc::new(library);
        for (place, function) in library.functions.iter().enumerate() {
            self.functions.insert(function.name.to_ascii_lowercase(), (library.clone(), place));
        }
        self.libraries.insert(library.name.clone(), library);
        Ok(())
    }

    /// Removes a library. Returns whether there was one.
    pub fn remove(&mut self, name: &[u8]) -> bool {
        let Ok(name) = std::str::from_utf8(name) else { return false };
        let Some(gone) = self.libraries.remove(name) else { return false };
        self.functions.retain(|_, (library, _)| !Arc::ptr_eq(library, &gone));
        true
    }

    /// All libraries in Redis's binary form: for each 245 and its code as an RDB string; the version of RDB, two bytes,
    /// and the CRC-64 of all before it, eight bytes, both little-endian.
    pub fn dump(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for library in self.libraries.values() {
            out.push(FUNCTION);
            sink::string(&mut out, &library.code);
        }
        out.extend_from_slice(&rdb::REDIS_7_0.to_le_bytes());
        let sum = crc64::update(0, &out);
        out.extend_from_slice(&sum.to_le_bytes());
        out
    }

    /// What is left when a dump is restored.
    ///
    /// # Errors
    /// The text of the error that the client gets; nothing is restored then.
    pub fn restored(&self, dump: &[u8], policy: Policy) -> Result<Registry, Vec<u8>> {
        let mut result = if policy == Policy::Flush { Registry::default() } else { self.clone() };
        let mut added = Registry::default();
        for code in codes(dump)? {
            let library = Library::load(&code)?;
            if added.libraries.contains_key(&library.name)
                || (policy == Policy::Append && result.libraries.contains_key(&library.name))
            {
                return Err(format!("ERR Library {} already exists", library.name).into_bytes());
            }
            added.add(library)?;
        }
        let names: Vec<String> = added.libraries.keys().cloned().collect();
        for name in &names {
            result.remove(name.as_bytes());
        }
        for library in added.libraries.into_values() {
            let Library { name, code, functions } = &*library;
            result.add(Library { name: name.clone(), code: code.clone(), functions: functions.clone() })?;
        }
        Ok(result)
    }

    /// The libraries of a dump that this program wrote itself.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(dump: &[u8]) -> Result<Registry, String> {
        let text = |error: Vec<u8>| String::from_utf8_lossy(&error).into_owned();
        Registry::default().restored(dump, Policy::Flush).map_err(text)
    }
}

/// The code of each library of a dump, whose checksum is looked at.
fn codes(dump: &[u8]) -> Result<Vec<Vec<u8>>, Vec<u8>> {
    let body =
        rdb::dump::open(dump).ok_or_else(|| b"ERR DUMP payload version or checksum are wrong".to_vec())?;
    let mut source = Source::new(body);
    let mut codes = Vec::new();
    while (source.position() as usize) < body.len() {
        let failed = |_| b"ERR failed loading functions: bad payload".to_vec();
        if source.byte().map_err(failed)? != FUNCTION {
            return Err(b"ERR given type is not a function".to_vec());
        }
        codes.push(source.string().map_err(failed)?);
    }
    Ok(codes)
}
