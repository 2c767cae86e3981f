//! The format of `redis.conf`: one directive a line, its arguments separated by spaces and quoted as in Redis.

use super::directives::Directives;
use super::layer::{Layer, LoadError};
use super::load::Files;
use std::cell::RefCell;
use std::path::Path;

/// How deep files may include one another.
const MAX_INCLUDES: usize = 16;

/// A directive and where it stands.
#[derive(Debug)]
pub(super) struct Directive {
    pub(super) origin: String,
    /// Its name and arguments; of a user only the name.
    pub(super) words: Vec<String>,
    /// What stands behind `user`: a name and rules, which need not be UTF-8.
    pub(super) user: Vec<Vec<u8>>,
}

impl Directive {
    /// A directive of at least one word.
    ///
    /// # Errors
    /// If it is not about a user, and not UTF-8.
    pub(super) fn new(origin: String, mut words: Vec<Vec<u8>>) -> Result<Directive, LoadError> {
        let is_user = words.first().is_some_and(|name| name.eq_ignore_ascii_case(b"user"));
        let user = if is_user { words.split_off(1) } else { Vec::new() };
        match words.into_iter().map(String::from_utf8).collect() {
            Ok(words) => Ok(Directive { origin, words, user }),
            Err(_) => Err(LoadError { origin, problem: "a word that is not UTF-8".to_string() }),
        }
    }
}

/// Reads redis.conf-style text. The origin that it is given names the file, which also resolves `include`.
pub(super) struct RedisFormat<'a> {
    files: &'a dyn Files,
    warnings: RefCell<Vec<String>>,
    directives: RefCell<Directives>,
}

impl<'a> RedisFormat<'a> {
    pub(super) fn new(files: &'a dyn Files) -> Self {
        RedisFormat { files, warnings: RefCell::default(), directives: RefCell::default() }
    }

    /// What the texts read so far were warned of, and their directives that are no options.
    pub(super) fn into_rest(self) -> (Vec<String>, Directives) {
        (self.warnings.into_inner(), self.directives.into_inner())
    }

    /// Replaces each `include` by the directives of its file, since later directives override earlier ones.
    fn directives(&self, path: &Path, text: &str, depth: usize) -> Result<Vec<Directive>, LoadError> {
        let mut directives = Vec::new();
        let mut own = own_directives(path, text)?;
        if is_colon_style(text) {
            remove_colons(&mut own);
        }
        for directive in own {
            if !directive.words[0].eq_ignore_ascii_case("include") {
                directives.push(directive);
                continue;
            }
            let error = |problem: String| LoadError { origin: directive.origin.clone(), problem };
            if depth == MAX_INCLUDES {
                return Err(error(format!("files include one another more than {MAX_INCLUDES} deep")));
            }
            for name in &directive.words[1..] {
                let included = path.parent().unwrap_or(Path::new("")).join(name);
                let text = self
                    .files
                    .read(&included)
                    .map_err(|problem| error(format!("include: {}: {problem}", included.display())))?;
                directives.extend(self.directives(&included, &text, depth + 1)?);
            }
        }
        Ok(directives)
    }
}

impl config::Format for RedisFormat<'_> {
    fn parse(
        &self,
        uri: Option<&String>,
        text: &str,
    ) -> Result<config::Map<String, config::Value>, Box<dyn std::error::Error + Send + Sync>> {
        let path = uri.map(String::as_str).unwrap_or_default();
        let mut layer = Layer::default();
        for directive in self.directives(Path::new(path), text, 0)? {
            layer.put_directive(&directive)?;
        }
        self.warnings.borrow_mut().append(&mut layer.warnings);
        self.directives.borrow_mut().append(std::mem::take(&mut layer.directives));
        Ok(layer.values)
    }
}

fn own_directives(path: &Path, text: &str) -> Result<Vec<Directive>, LoadError> {
    let mut directives = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let origin = format!("{}:{}", path.display(), index + 1);
        match words_of_line(line) {
            Ok(words) if words.is_empty() => {}
            Ok(words) => directives.push(Directive::new(origin, words)?),
            Err(problem) => return Err(LoadError { origin, problem }),
        }
    }
    Ok(directives)
}

/// The words of a line; none for a comment or an empty line.
pub(super) fn words_of_line(line: &str) -> Result<Vec<Vec<u8>>, String> {
    let line = line.trim();
    if line.starts_with('#') {
        return Ok(Vec::new());
    }
    split_bytes(line.as_bytes()).ok_or_else(|| "unbalanced quotes".to_string())
}

/// The name of a line's directive, as it is written there.
pub(super) fn name_of_line(line: &str) -> Option<String> {
    words_of_line(line).ok()?.into_iter().next().and_then(|name| String::from_utf8(name).ok())
}

/// The text of a file that need not be UTF-8: Redis writes users as they are. Words of other bytes are quoted, so that they
/// are read as the same; what they say in comments is lost. `None` if such a line cannot be split into words.
pub(super) fn text_of(file: Vec<u8>) -> Option<String> {
    let file = match String::from_utf8(file) {
        Ok(text) => return Some(text),
        Err(error) => error.into_bytes(),
    };
    let mut text = String::new();
    for line in file.split_inclusive(|&byte| byte == b'\n') {
        match std::str::from_utf8(line) {
            Ok(line) => text.push_str(line),
            Err(_) if line.trim_ascii_start().starts_with(b"#") => {
                text.push_str(&String::from_utf8_lossy(line));
            }
            Err(_) => {
                let words: Vec<String> = split_bytes(line)?.iter().map(|word| quote_bytes(word)).collect();
                text.push_str(&words.join(" "));
                text.push('\n');
            }
        }
    }
    Some(text)
}

/// Whether the text is a file of an older version of Pika, which wrote `name : value`: every line must have that form,
/// and there must be a few, since `:` is also a value that a redis.conf may hold.
pub(super) fn is_colon_style(text: &str) -> bool {
    let mut count = 0;
    for line in text.lines() {
        match words_of_line(line) {
            Ok(words) if words.is_empty() => {}
            Ok(words) if words.get(1).is_some_and(|word| word == b":") => count += 1,
            _ => return false,
        }
    }
    count >= 3
}

/// Turns `name : value` into `name value`. There, a name without a value meant the default, and a master was one word.
fn remove_colons(directives: &mut Vec<Directive>) {
    directives.retain(|directive| directive.words.len() + directive.user.len() > 2);
    for directive in directives {
        if !directive.user.is_empty() {
            directive.user.remove(0);
            continue;
        }
        directive.words.remove(1);
        if let [name, master] = &directive.words[..]
            && name.eq_ignore_ascii_case("slaveof")
            && let Some((host, port)) = master.rsplit_once(':')
        {
            directive.words = vec![name.clone(), host.into(), port.into()];
        }
    }
}

/// Splits a line into words. In double quotes `\xHH`, `\n`, `\r`, `\t`, `\b`, `\a` and `\` before any other character
/// are read; in single quotes only `\'`. `None` if a quote is not closed, or not followed by a space, or if bytes
/// given as `\xHH` are not UTF-8.
pub(super) fn split_words(line: &str) -> Option<Vec<String>> {
    split_bytes(line.as_bytes())?.into_iter().map(|word| String::from_utf8(word).ok()).collect()
}

/// As [`split_words`], for words of any bytes.
pub(super) fn split_bytes(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut at = 0;
    loop {
        while bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
            at += 1;
        }
        if at == bytes.len() {
            return Some(words);
        }
        let mut word = Vec::new();
        while let Some(&byte) = bytes.get(at).filter(|byte| !byte.is_ascii_whitespace()) {
            at += 1;
            match byte {
                b'"' | b'\'' => {
                    at = read_quoted(bytes, at, byte, &mut word)?;
                    if bytes.get(at).is_some_and(|next| !next.is_ascii_whitespace()) {
                        return None;
                    }
                }
                _ => word.push(byte),
            }
        }
        words.push(word);
    }
}

/// Reads from behind the opening quote; gives the place behind the closing one.
fn read_quoted(bytes: &[u8], mut at: usize, quote: u8, word: &mut Vec<u8>) -> Option<usize> {
    loop {
        let byte = *bytes.get(at)?;
        at += 1;
        match (byte, bytes.get(at)) {
            _ if byte == quote => return Some(at),
            (b'\\', Some(b'\'')) if quote == b'\'' => {
                word.push(b'\'');
                at += 1;
            }
            (b'\\', Some(b'x')) if quote == b'"' && hex(bytes, at + 1).is_some() => {
                word.push(hex(bytes, at + 1)?);
                at += 3;
            }
            (b'\\', Some(&escaped)) if quote == b'"' => {
                word.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => other,
                });
                at += 1;
            }
            _ => word.push(byte),
        }
    }
}

fn hex(bytes: &[u8], at: usize) -> Option<u8> {
    let digits = std::str::from_utf8(bytes.get(at..at + 2)?).ok()?;
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    u8::from_str_radix(digits, 16).ok()
}

/// Writes a word so that [`split_words`] reads it back: in quotes if it needs them.
pub(super) fn quote_word(word: &str) -> String {
    quote_bytes(word.as_bytes())
}

/// Writes a word of any bytes so that [`split_bytes`] reads it back: in quotes if it needs them.
pub(super) fn quote_bytes(word: &[u8]) -> String {
    let plain = |character: char| {
        !character.is_whitespace() && !character.is_control() && !"\"'\\#".contains(character)
    };
    if let Ok(word) = std::str::from_utf8(word)
        && !word.is_empty()
        && word.chars().all(plain)
    {
        return word.to_string();
    }
    let mut quoted = String::from("\"");
    for chunk in word.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '"' | '\\' => quoted.extend(['\\', character]),
                '\n' => quoted.push_str("\\n"),
                '\r' => quoted.push_str("\\r"),
                '\t' => quoted.push_str("\\t"),
                control if control.is_ascii_control() => {
                    quoted.push_str(&format!("\\x{:02x}", u32::from(control)))
                }
                other => quoted.push(other),
            }
        }
        chunk.invalid().iter().for_each(|byte| quoted.push_str(&format!("\\x{byte:02x}")));
    }
    quoted.push('"');
    quoted
}
