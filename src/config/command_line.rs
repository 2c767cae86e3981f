//! The command line: `--name value…`, cut into directives as redis-server does.

use super::layer::LoadError;
use super::redis_format::{Directive, split_words};
use super::table;

/// Cuts the arguments into directives.
///
/// - `--name` begins a directive, and the argument behind it is its value, even if that begins with `--` too. Only
///   `--save` may have none, and is then empty.
/// - Further values follow up to the next argument that begins with `--`.
/// - Name and values may also be one argument, `"--name value"`, which is split like a line of a redis.conf.
/// - Arguments before the first that begins with `--` are a directive of their own, `name value…`.
///
/// # Errors
/// An argument that names no option (`--`), or whose quotes are not closed.
pub(super) fn directives(arguments: &[String]) -> Result<Vec<Directive>, LoadError> {
    let mut directives: Vec<Vec<String>> = Vec::new();
    let mut wants_value = false;
    for (at, argument) in arguments.iter().enumerate() {
        let Some(line) = argument.strip_prefix("--").filter(|_| !wants_value) else {
            match directives.last_mut() {
                Some(words) => words.push(argument.clone()),
                None => directives.push(vec![argument.clone()]),
            }
            wants_value = false;
            continue;
        };
        let mut words = split_words(line).filter(|words| !words.is_empty()).ok_or_else(|| {
            let problem = format!("expected an option such as --port, found '{argument}'");
            LoadError { origin: "command line".into(), problem }
        })?;
        wants_value = words.len() == 1;
        let value_follows = arguments.get(at + 1).is_some_and(|next| !next.starts_with("--"));
        if wants_value && words[0].eq_ignore_ascii_case("save") && !value_follows {
            words.push(String::new());
            wants_value = false;
        }
        directives.push(words);
    }
    let directive = |words: Vec<String>| {
        Directive::new(origin(&words), words.into_iter().map(String::into_bytes).collect())
    };
    directives.into_iter().map(directive).collect()
}

/// What errors call a directive: `command line 'port "6379" "6380"'`. The value of a secret is not shown.
fn origin(words: &[String]) -> String {
    let secret = words[0].eq_ignore_ascii_case("user")
        || table::find(&words[0]).is_some_and(|named| named.id.row().secret);
    let values = if secret { &[] } else { &words[1..] };
    let values: String = values.iter().map(|value| format!(" \"{value}\"")).collect();
    format!("command line '{}{values}'", words[0])
}
