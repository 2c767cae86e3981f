//! The first line of a script or a library: `#!lua flags=no-writes,allow-oom`, `#!lua name=library`.

/// What a script or a function says of itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScriptFlags(u8);

impl ScriptFlags {
    /// It writes nothing.
    pub const NO_WRITES: ScriptFlags = ScriptFlags(1);
    /// It may run though there is no room.
    pub const ALLOW_OOM: ScriptFlags = ScriptFlags(2);
    /// It may run on a slave whose data is stale.
    pub const ALLOW_STALE: ScriptFlags = ScriptFlags(4);
    /// It does not run in a cluster.
    pub const NO_CLUSTER: ScriptFlags = ScriptFlags(8);
    /// It may touch keys of several slots.
    pub const ALLOW_CROSS_SLOT: ScriptFlags = ScriptFlags(16);

    const NAMES: [(ScriptFlags, &'static str); 5] = [
        (ScriptFlags::NO_WRITES, "no-writes"),
        (ScriptFlags::ALLOW_OOM, "allow-oom"),
        (ScriptFlags::ALLOW_STALE, "allow-stale"),
        (ScriptFlags::NO_CLUSTER, "no-cluster"),
        (ScriptFlags::ALLOW_CROSS_SLOT, "allow-cross-slot-keys"),
    ];

    /// The flag of a name.
    pub fn named(name: &[u8]) -> Option<ScriptFlags> {
        ScriptFlags::NAMES.iter().find(|(_, known)| known.as_bytes() == name).map(|(flag, _)| *flag)
    }

    /// The names of those in it.
    pub fn names(self) -> impl Iterator<Item = &'static str> + Clone {
        ScriptFlags::NAMES.into_iter().filter(move |(flag, _)| self.has(*flag)).map(|(_, name)| name)
    }

    /// Whether `other` is in it.
    pub fn has(self, other: ScriptFlags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Adds a flag.
    pub fn add(&mut self, other: ScriptFlags) {
        self.0 |= other.0;
    }
}

/// How long the first line is, if it is a shebang: what is left begins with its line end.
fn first_line(text: &[u8]) -> Option<(&[u8], &[u8])> {
    if !text.starts_with(b"#!") {
        return None;
    }
    let end = text.iter().position(|&byte| byte == b'\n').unwrap_or(text.len());
    Some(text.split_at(end))
}

fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty())
}

/// Reads a script's first line. Its flags, `None` if it has no shebang, and the rest of its text.
///
/// # Errors
/// The text of the error that the client gets.
pub fn of_script(text: &[u8]) -> Result<(Option<ScriptFlags>, &[u8]), Vec<u8>> {
    let Some((line, rest)) = first_line(text) else { return Ok((None, text)) };
    let mut parts = words(line);
    let engine = parts.next().unwrap_or_default();
    if engine != b"#!lua" {
        return Err([b"ERR Unexpected engine in script shebang: ", engine].concat());
    }
    let mut flags = ScriptFlags::default();
    for part in parts {
        let Some(list) = part.strip_prefix(b"flags=") else {
            return Err([b"ERR Unknown lua shebang option: ", part].concat());
        };
        for name in list.split(|&byte| byte == b',').filter(|name| !name.is_empty()) {
            match ScriptFlags::named(name) {
                Some(flag) => flags.add(flag),
                None => return Err([b"ERR Unexpected flag in script shebang: ", name].concat()),
            }
        }
    }
    Ok((Some(flags), rest))
}

/// Reads a library's first line: its name, and the rest of its text.
///
/// # Errors
/// The text of the error that the client gets.
pub fn of_library(text: &[u8]) -> Result<(String, &[u8]), Vec<u8>> {
    let Some((line, rest)) = first_line(text) else { return Err(b"ERR Missing library metadata".to_vec()) };
    if rest.is_empty() {
        return Err(b"ERR Invalid library metadata".to_vec());
    }
    let engine = line[2..].split(|byte| byte.is_ascii_whitespace()).next().unwrap_or_default();
    let mut name: Option<&[u8]> = None;
    for part in words(&line[2 + engine.len()..]) {
        let Some(value) = part.strip_prefix(b"name=") else {
            return Err([b"ERR Invalid metadata value given: ", part].concat());
        };
        let quoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
        let value = quoted.unwrap_or(value);
        if name.replace(value).is_some() {
            return Err(b"ERR Invalid metadata value, name argument was given multiple times".to_vec());
        }
    }
    let Some(name) = name else { return Err(b"ERR Library name was not given".to_vec()) };
    if !is_name(name) {
        return Err(BAD_NAME.as_bytes().to_vec());
    }
    if !engine.eq_ignore_ascii_case(b"lua") {
        return Err([b"ERR Engine '", engine, b"' not found"].concat());
    }
    Ok((String::from_utf8_lossy(name).into_owned(), rest))
}

/// What is said of a name that is none.
pub const BAD_NAME: &str = "ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long";

/// Whether a word may name a library or a function.
pub fn is_name(word: &[u8]) -> bool {
    !word.is_empty() && word.iter().all(|&byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_says_its_flags_and_its_lines_keep_their_numbers() {
        let (flags, rest) = of_script(b"#!lua flags=no-writes,allow-oom\nreturn 1").unwrap();
        assert_eq!(flags.unwrap().names().collect::<Vec<_>>(), ["no-writes", "allow-oom"]);
        assert_eq!(rest, b"\nreturn 1");
        assert_eq!(of_script(b"return 1"), Ok((None, &b"return 1"[..])));
        assert_eq!(of_script(b"#!lua flags=x\n"), Err(b"ERR Unexpected flag in script shebang: x".to_vec()));
    }

    #[test]
    fn a_library_says_its_name() {
        assert_eq!(of_library(b"#!LUA name=a_1\nx").unwrap().0, "a_1");
        for (text, error) in [
            (&b"x"[..], "ERR Missing library metadata"),
            (b"#!lua name=a", "ERR Invalid library metadata"),
            (b"#!lua \nx", "ERR Library name was not given"),
            (b"#!lua name=a-b\nx", BAD_NAME),
            (b"#! name=a\nx", "ERR Engine '' not found"),
        ] {
            assert_eq!(of_library(text), Err(error.as_bytes().to_vec()));
        }
    }
}
