//! CONFIG REWRITE of the lines about users.

use super::layer::LoadError;
use super::load::{Files, config_files, is_toml};
use super::redis_format::{is_colon_style, name_of_line, quote_bytes};
use super::rewrite::append;
use std::path::{Path, PathBuf};
use toml_edit::{Array, DocumentMut, Item, Value};

/// The directive.
const NAME: &str = "user";

/// Puts users into the configuration files at `path`, in place of those that they name. `users` are lines as ACL LIST
/// has them, without the word `user`. `rewritten` holds new texts of files already, and gets those that change.
///
/// They go where users are named now: into the last such file, else into the first one.
///
/// # Errors
/// If the files cannot be read, or are no longer valid.
pub fn rewrite_users(
    path: &Path,
    users: &[Vec<u8>],
    files: &dyn Files,
    rewritten: &mut Vec<(PathBuf, String)>,
) -> Result<(), LoadError> {
    let mut texts = Vec::new();
    for file in config_files(path, files)? {
        let text = match rewritten.iter().find(|(known, _)| *known == file) {
            Some((_, text)) => text.clone(),
            None => files.read(&file).map_err(|problem| LoadError {
                origin: file.display().to_string(),
                problem: problem.to_string(),
            })?,
        };
        texts.push((file, text));
    }
    let place = texts.iter().rposition(|(file, text)| names_users(file, text)).unwrap_or(0);
    for (number, (file, text)) in texts.into_iter().enumerate() {
        let lines: &[Vec<u8>] = if number == place { users } else { &[] };
        if lines.is_empty() && !names_users(&file, &text) {
            continue;
        }
        let new = if is_toml(&file) {
            in_toml(&text, lines).map_err(|problem| LoadError {
                origin: file.display().to_string(),
                problem: problem.to_string(),
            })?
        } else {
            in_redis_format(&text, lines)
        };
        if new != text {
            rewritten.retain(|(known, _)| *known != file);
            rewritten.push((file, new));
        }
    }
    Ok(())
}

fn names_users(file: &Path, text: &str) -> bool {
    if is_toml(file) {
        return text.parse::<DocumentMut>().is_ok_and(|document| document.contains_key(NAME));
    }
    text.lines().any(is_user_line)
}

fn is_user_line(line: &str) -> bool {
    name_of_line(line).is_some_and(|name| name.eq_ignore_ascii_case(NAME))
}

/// A line whose words are quoted where they need it.
fn quoted(line: &[u8]) -> String {
    line.split(|&byte| byte == b' ').map(quote_bytes).collect::<Vec<_>>().join(" ")
}

fn in_redis_format(text: &str, users: &[Vec<u8>]) -> String {
    let separator = if is_colon_style(text) { " : " } else { " " };
    let new: String = users.iter().map(|user| format!("{NAME}{separator}{}\n", quoted(user))).collect();
    let Some(first) = text.split_inclusive('\n').position(is_user_line) else { return append(text, &new) };
    let mut result = String::new();
    for (number, line) in text.split_inclusive('\n').enumerate() {
        match is_user_line(line) {
            true if number == first => result.push_str(&new),
            true => {}
            false => result.push_str(line),
        }
    }
    result
}

fn in_toml(text: &str, users: &[Vec<u8>]) -> Result<String, toml_edit::TomlError> {
    let mut document: DocumentMut = text.parse()?;
    let lines: Array = users.iter().map(|user| quoted(user)).collect();
    match document.get_mut(NAME).and_then(Item::as_value_mut) {
        Some(value) => {
            let decor = value.decor().clone();
            *value = Value::Array(lines);
            *value.decor_mut() = decor;
            Ok(document.to_string())
        }
        None => Ok(append(text, &format!("{NAME} = {lines}\n"))),
    }
}
