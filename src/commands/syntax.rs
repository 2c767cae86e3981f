//! The notation of a command's arguments, and the tree that COMMAND DOCS makes of it.
//!
//! It is the notation of Redis's documentation:
//!
//! | notation | meaning |
//! |----------|---------|
//! | `key` | a value; its type follows from its name (see [`Kind::of`]), or is said: `increment:double` |
//! | `NX`, `*` | a token: upper case or no letters; it stands for itself |
//! | `EX seconds` | a value that a token announces |
//! | `LIMIT offset count` | several values that a token announces: a block |
//! | `[x]` | optional |
//! | `<a \| b>` | one of these; `[a \| b]` is one of these or none |
//! | `x [x ...]` | once or more; of several words a block: `field value [field value ...]` |
//! | `[x ...]` | any number of times |
//! | `GET pattern [GET pattern ...]` | once or more, the token each time |
//!
//! A token announces all that follows it up to the next token, the next `[…]`, or the end of its group.

/// What an argument is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any bytes.
    Text,
    /// A whole number.
    Integer,
    /// A number with a fraction.
    Double,
    /// The name of a key.
    Key,
    /// A glob-style pattern.
    Pattern,
    /// A point in time.
    UnixTime,
    /// Only its token.
    PureToken,
    /// One of its arguments.
    OneOf,
    /// All its arguments, one after the other.
    Block,
}

impl Kind {
    const NAMED: [(&'static str, Kind); 6] = [
        ("string", Kind::Text),
        ("integer", Kind::Integer),
        ("double", Kind::Double),
        ("key", Kind::Key),
        ("pattern", Kind::Pattern),
        ("unix-time", Kind::UnixTime),
    ];

    /// As COMMAND DOCS names it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::PureToken => "pure-token",
            Kind::OneOf => "oneof",
            Kind::Block => "block",
            named => Kind::NAMED.iter().find(|(_, kind)| *kind == named).map_or("string", |(name, _)| name),
        }
    }

    /// The type of a value with this name.
    pub fn of(name: &str) -> Kind {
        match name {
            "key" | "key1" | "key2" | "newkey" | "source" | "destination" => Kind::Key,
            "pattern" => Kind::Pattern,
            "unix-time-seconds" | "unix-time-milliseconds" => Kind::UnixTime,
            "score" | "weight" | "longitude" | "latitude" | "radius" | "width" | "height" => Kind::Double,
            "seconds" | "milliseconds" | "count" | "offset" | "index" | "start" | "stop" | "end"
            | "numkeys" | "numfields" | "cursor" | "db" | "index1" | "index2" | "decrement" | "increment"
            | "port" | "timeout" | "protover" | "version" | "client-id" | "maxage" | "bit" | "rank"
            | "len" | "maxlen" | "numreplicas" | "numlocal" | "min-match-len" | "destination-db"
            | "frequency" | "bits" | "samples" | "microseconds" | "database" => Kind::Integer,
            _ => Kind::Text,
        }
    }
}

/// One argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// Its name, lower case.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// The token that announces it, or that it is.
    pub token: Option<String>,
    /// It may be left out.
    pub optional: bool,
    /// It may be repeated.
    pub multiple: bool,
    /// If it is repeated, so is its token.
    pub multiple_token: bool,
    /// Of a block or a choice.
    pub arguments: Vec<Argument>,
}

/// A notation as people read it: without the types that are said.
pub fn display(notation: &str) -> String {
    let words = notation.split_whitespace().map(|word| {
        let end = word.trim_end_matches([']', '>']).len();
        let (word, brackets) = word.split_at(end);
        let said = word.rsplit_once(':').filter(|(_, kind)| Kind::NAMED.iter().any(|(name, _)| name == kind));
        format!("{}{brackets}", said.map_or(word, |(name, _)| name))
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Why a notation cannot be read.
pub type SyntaxError = String;

/// Reads a notation.
///
/// # Errors
/// Says what is wrong with it.
pub fn parse(notation: &str) -> Result<Vec<Argument>, SyntaxError> {
    let words: Vec<&str> = notation.split_whitespace().flat_map(split_word).collect();
    let mut reader = Reader { words: &words, index: 0 };
    let mut choices = reader.choices()?;
    if reader.index < words.len() || choices.len() != 1 {
        return Err(format!("no group is open at word {} of {notation:?}", reader.index + 1));
    }
    Ok(arguments(&choices.remove(0)))
}

/// The least number of words that a notation takes, the command's own not counted, and whether there may be more.
pub fn bounds(arguments: &[Argument]) -> (usize, bool) {
    let mut least = 0;
    let mut more = false;
    for argument in arguments {
        let (inner, inner_more) = match argument.kind {
            Kind::OneOf => {
                let all: Vec<_> =
                    argument.arguments.iter().map(|one| bounds(std::slice::from_ref(one))).collect();
                let low = all.iter().map(|bounds| bounds.0).min().unwrap_or(0);
                (low, all.iter().any(|bounds| bounds.1 || bounds.0 != low))
            }
            Kind::Block => bounds(&argument.arguments),
            Kind::PureToken => (0, false),
            _ => (1, false),
        };
        more |= inner_more || argument.multiple || argument.optional;
        least += if argument.optional { 0 } else { inner + usize::from(argument.token.is_some()) };
    }
    (least, more)
}

/// Cuts the brackets off a word.
fn split_word(mut word: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    while let Some(open) = word.get(..1).filter(|c| matches!(*c, "[" | "<") && word.len() > 1) {
        parts.push(open);
        word = &word[1..];
    }
    let end = word.trim_end_matches([']', '>']).len();
    let end = if end == 0 { 1.min(word.len()) } else { end };
    parts.push(&word[..end]);
    parts.extend(word[end..].split("").filter(|part| !part.is_empty()));
    parts
}

/// What brackets and words say, before it has a meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    Word(String),
    Optional(Vec<Vec<Item>>),
    OneOf(Vec<Vec<Item>>),
    /// `[… ...]`.
    Repeat(Vec<Item>),
}

struct Reader<'a> {
    words: &'a [&'a str],
    index: usize,
}

impl Reader<'_> {
    /// Sequences with `|` between them.
    fn choices(&mut self) -> Result<Vec<Vec<Item>>, SyntaxError> {
        let mut all = vec![Vec::new()];
        while let Some(&word) = self.words.get(self.index) {
            if matches!(word, "]" | ">" | "...") {
                break;
            }
            self.index += 1;
            let item = match word {
                "|" => {
                    all.push(Vec::new());
                    continue;
                }
                "[" => self.optional()?,
                "<" => {
                    let choices = self.choices()?;
                    self.expect(">")?;
                    Item::OneOf(choices)
                }
                word => Item::Word(word.to_string()),
            };
            all.last_mut().ok_or("no sequence")?.push(item);
        }
        Ok(all)
    }

    fn optional(&mut self) -> Result<Item, SyntaxError> {
        let mut choices = self.choices()?;
        let repeat = self.words.get(self.index) == Some(&"...");
        self.index += usize::from(repeat);
        self.expect("]")?;
        match (repeat, choices.len()) {
            (false, _) => Ok(Item::Optional(choices)),
            (true, 1) => Ok(Item::Repeat(choices.remove(0))),
            (true, _) => Err("a choice is repeated without < >".into()),
        }
    }

    fn expect(&mut self, wanted: &str) -> Result<(), SyntaxError> {
        let found = self.words.get(self.index).copied();
        self.index += 1;
        if found == Some(wanted) { Ok(()) } else { Err(format!("{wanted} expected, not {found:?}")) }
    }
}

/// Gives items their meaning.
fn arguments(items: &[Item]) -> Vec<Argument> {
    let mut out: Vec<Argument> = Vec::new();
    let mut index = 0;
    while index < items.len() {
        let (argument, next) = match &items[index] {
            Item::Word(word) if is_token(word) => announced(word, items, index + 1),
            _ => value(items, index),
        };
        out.push(argument);
        index = next;
    }
    out
}

/// A value, and the index after it; what is repeated takes the repetition along.
fn value(items: &[Item], index: usize) -> (Argument, usize) {
    if let Some((mut argument, next)) = repeated(items, index) {
        argument.multiple = true;
        return (argument, next);
    }
    let argument = match &items[index] {
        Item::Word(word) => named(word),
        Item::OneOf(choices) => choice(choices),
        Item::Optional(choices) => Argument { optional: true, ..choice(choices) },
        Item::Repeat(sequence) => Argument { optional: true, multiple: true, ..block(arguments(sequence)) },
    };
    (argument, index + 1)
}

/// `x y [x y ...]` from `index` on.
fn repeated(items: &[Item], index: usize) -> Option<(Argument, usize)> {
    let end = (index + 1..items.len()).find(|&end| matches!(items[end], Item::Repeat(_)))?;
    let Item::Repeat(sequence) = &items[end] else { return None };
    if items[index..end] != sequence[..] {
        return None;
    }
    let mut argument = block(arguments(sequence));
    argument.multiple_token = argument.token.is_some();
    Some((argument, end + 1))
}

/// A token and what it announces, and the index after them.
fn announced(token: &str, items: &[Item], mut index: usize) -> (Argument, usize) {
    if let Some((mut argument, next)) = repeated(items, index - 1) {
        argument.multiple = true;
        return (argument, next);
    }
    let mut found = Vec::new();
    while index < items.len() {
        match &items[index] {
            Item::Word(word) if is_token(word) => break,
            Item::Optional(_) => break,
            _ => {}
        }
        let (argument, next) = value(items, index);
        found.push(argument);
        index = next;
    }
    let argument = match found.len() {
        0 => plain(token_name(token), Kind::PureToken),
        1 => found.remove(0),
        _ => Argument { arguments: found, ..plain(token_name(token), Kind::Block) },
    };
    (Argument { token: Some(if token == "\"\"" { String::new() } else { token.into() }), ..argument }, index)
}

/// One of these; the one, if there is only one.
fn choice(choices: &[Vec<Item>]) -> Argument {
    let mut all: Vec<Argument> = choices.iter().map(|sequence| block(arguments(sequence))).collect();
    if all.len() == 1 {
        return all.remove(0);
    }
    let names: Vec<&str> = all.iter().map(|one| one.name.as_str()).collect();
    Argument { name: names.join("_"), arguments: all, ..plain(String::new(), Kind::OneOf) }
}

/// All of these; the one, if there is only one.
fn block(mut all: Vec<Argument>) -> Argument {
    if all.len() == 1 {
        return all.remove(0);
    }
    let names: Vec<&str> = all.iter().map(|one| one.name.as_str()).collect();
    Argument { name: names.join("_"), arguments: all, ..plain(String::new(), Kind::Block) }
}

fn named(word: &str) -> Argument {
    let said = word.rsplit_once(':').and_then(|(name, kind)| {
        Kind::NAMED.iter().find(|(known, _)| *known == kind).map(|(_, kind)| plain(name.into(), *kind))
    });
    said.unwrap_or_else(|| plain(word.into(), Kind::of(word)))
}

fn plain(name: String, kind: Kind) -> Argument {
    Argument {
        name,
        kind,
        token: None,
        optional: false,
        multiple: false,
        multiple_token: false,
        arguments: Vec::new(),
    }
}

fn is_token(word: &str) -> bool {
    !word.bytes().any(|byte| byte.is_ascii_lowercase())
}

fn token_name(token: &str) -> String {
    match token {
        "=" => "equal".into(),
        "~" => "approximately".into(),
        "*" => "auto-id".into(),
        "$" => "new-id".into(),
        "\"\"" => "empty-string".into(),
        word => word.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests;
