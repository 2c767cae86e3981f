//! Values: read from the text that CONFIG SET takes, and written as CONFIG GET shows them. The error texts are
//! Redis's own.

use super::key::Id;
use super::row::{Kind, Row};
use super::size::{format_size, parse_size};
use super::special::{self, BufferLimits, Events, Master, SavePoint};

/// The value of an option.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Yes or no.
    Bool(bool),
    /// A number, or a file mode.
    Integer(i64),
    /// A number of bytes.
    Size(u64),
    /// A percentage.
    Percent(u64),
    /// The place of a word in the option's list.
    Choice(usize),
    /// Any text.
    Text(String),
    /// Words.
    Words(Vec<String>),
    /// Points of `save`.
    Save(Vec<SavePoint>),
    /// Limits of output buffers.
    BufferLimits(BufferLimits),
    /// Classes of keyspace events.
    Events(Events),
    /// Percentiles.
    Percentiles(Vec<f64>),
    /// Scores for the kernel.
    OomScores([i64; 3]),
    /// How a signal shuts down, in bits.
    Shutdown(u8),
    /// The master, if any.
    Master(Option<Master>),
}

impl Value {
    /// The default of an option.
    pub fn default_of(id: Id) -> Value {
        match Value::parse(id.row(), id.row().default, None) {
            Ok(value) => value,
            Err(reason) => unreachable!("the default of {} is invalid: {reason}", id.row().name),
        }
    }

    /// Reads the value of `row` from text. `current` is what classes that the text does not name keep, which matters
    /// for `client-output-buffer-limit` only.
    ///
    /// # Errors
    /// Says what was expected, in Redis's words.
    pub(super) fn parse(row: &Row, text: &str, current: Option<&Value>) -> Result<Value, String> {
        match row.kind {
            Kind::Bool => match text.to_ascii_lowercase().as_str() {
                "yes" => Ok(Value::Bool(true)),
                "no" => Ok(Value::Bool(false)),
                _ => Err("argument must be 'yes' or 'no'".into()),
            },
            Kind::Integer { min, max } => {
                let number = parse_integer(text).ok_or("argument couldn't be parsed into an integer")?;
                let number = in_range(number, min, max)?;
                Ok(Value::Integer(row.clamp.map_or(number, |(low, high)| number.clamp(low, high))))
            }
            Kind::Octal { min, max } => {
                let number = i64::from_str_radix(text, 8)
                    .map_err(|_| "argument couldn't be parsed as an octal number")?;
                if number < min || number > max {
                    return Err(format!("argument must be between {min:o} and {max:o} inclusive"));
                }
                Ok(Value::Integer(number))
            }
            Kind::Size { min, max } => {
                let bytes = parse_size(text).ok_or("argument must be a memory value")?;
                Ok(Value::Size(in_range(bytes, min, max)?))
            }
            Kind::SizeOrPercent => parse_size_or_percent(text),
            Kind::Choice(words) => match words.iter().position(|word| word.eq_ignore_ascii_case(text)) {
                Some(index) => Ok(Value::Choice(index)),
                None => Err(format!("argument(s) must be one of the following: {}", words.join(", "))),
            },
            Kind::Text => Ok(Value::Text(text.into())),
            Kind::Words => Ok(Value::Words(
                text.split(' ').filter(|word| !word.is_empty()).map(str::to_string).collect(),
            )),
            Kind::Save => special::parse_save(text).map(Value::Save),
            Kind::BufferLimits => {
                let current = match current {
                    Some(Value::BufferLimits(limits)) => *limits,
                    _ => special::parse_buffer_limits(row.default, BufferLimits::NONE)?,
                };
                special::parse_buffer_limits(text, current).map(Value::BufferLimits)
            }
            Kind::Events => Events::parse(text).map(Value::Events),
            Kind::Percentiles => special::parse_percentiles(text).map(Value::Percentiles),
            Kind::OomScores => special::parse_oom_scores(text).map(Value::OomScores),
            Kind::Shutdown => special::parse_shutdown(text).map(Value::Shutdown),
            Kind::Master => special::parse_master(text).map(Value::Master),
        }
    }

    /// The value as CONFIG GET shows it; parsing this gives the same value again.
    pub fn to_text(&self, id: Id) -> String {
        match self {
            Value::Bool(yes) => if *yes { "yes" } else { "no" }.into(),
            Value::Integer(number) => match id.row().kind {
                Kind::Octal { .. } => format!("{number:o}"),
                _ => number.to_string(),
            },
            Value::Size(bytes) => bytes.to_string(),
            Value::Percent(percent) => format!("{percent}%"),
            Value::Choice(index) => match id.row().kind {
                Kind::Choice(words) => words[*index].into(),
                _ => String::new(),
            },
            Value::Text(text) => text.clone(),
            Value::Words(words) => words.join(" "),
            Value::Save(_) => self.lines(id).join(" "),
            Value::BufferLimits(limits) => limits
                .by_class()
                .map(|(class, limit)| {
                    format!("{class} {} {} {}", limit.hard_bytes, limit.soft_bytes, limit.soft_seconds)
                })
                .join(" "),
            Value::Events(events) => events.to_text(),
            Value::Percentiles(numbers) => special::format_percentiles(numbers),
            Value::OomScores([first, second, third]) => format!("{first} {second} {third}"),
            Value::Shutdown(flags) => special::format_shutdown(*flags),
            Value::Master(None) => String::new(),
            Value::Master(Some(master)) => format!("{} {}", master.host, master.port),
        }
    }

    /// The value as the lines of a redis.conf-style file that set it: one for most kinds.
    pub(super) fn lines(&self, id: Id) -> Vec<String> {
        match self {
            Value::Save(points) if !points.is_empty() => {
                points.iter().map(|point| format!("{} {}", point.seconds, point.changes)).collect()
            }
            Value::Save(_) => vec![String::new()],
            Value::BufferLimits(limits) => limits
                .by_class()
                .map(|(class, limit)| {
                    let class = if class == "slave" { "replica" } else { class };
                    let (hard, soft) = (format_size(limit.hard_bytes), format_size(limit.soft_bytes));
                    format!("{class} {hard} {soft} {}", limit.soft_seconds)
                })
                .into(),
            Value::Size(bytes) => vec![format_size(*bytes)],
            _ => vec![self.to_text(id)],
        }
    }
}

/// Reads a number as strictly as Redis does: no plus sign, no leading zeros, no spaces.
pub(super) fn parse_integer(text: &str) -> Option<i64> {
    let number: i64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

fn in_range<N: PartialOrd + std::fmt::Display>(number: N, min: N, max: N) -> Result<N, String> {
    if number < min || number > max {
        return Err(format!("argument must be between {min} and {max} inclusive"));
    }
    Ok(number)
}

fn parse_size_or_percent(text: &str) -> Result<Value, String> {
    let expected = "argument must be a memory or percent value";
    let Some(digits) = text.strip_suffix('%') else {
        return Ok(Value::Size(in_range(parse_size(text).ok_or(expected)?, 0, i64::MAX as u64)?));
    };
    match digits.parse::<u64>() {
        Ok(0) => Ok(Value::Size(0)),
        Ok(percent) if percent <= 100 => Ok(Value::Percent(percent)),
        Ok(_) => Err("percentage argument must be less or equal to 100".into()),
        Err(_) => Err(expected.into()),
    }
}
