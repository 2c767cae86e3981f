//! The text of an ACL file: a line `user NAME RULE …` for each user.

use std::collections::HashSet;

use super::rule::RuleError;
use super::{Channels, Users, breaks_lines, join_selectors};

/// What stands behind errors of a file.
const UNCHANGED: &str =
    "WARNING: ACL errors detected, no change to the previously active ACL rules was performed";

/// The users of a file's text, `default` among them whether or not the file names it. `name` is what errors call the
/// file.
///
/// # Errors
/// All that is wrong, in Redis's words, with the numbers of lines.
pub fn parse(text: &[u8], name: &str, channels: Channels) -> Result<Users, Vec<u8>> {
    let mut users = Users::new();
    let mut seen: HashSet<Vec<u8>> = HashSet::new();
    let mut errors = Vec::new();
    for (number, line) in text.split(|&byte| byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let at = format!("{name}:{}: ", number + 1);
        let mut fail = |parts: &[&[u8]]| {
            errors.extend_from_slice(at.as_bytes());
            parts.iter().for_each(|part| errors.extend_from_slice(part));
        };
        let mut words = line.split(|&byte| byte == b' ');
        let (Some(b"user"), Some(user)) = (words.next(), words.next()) else {
            fail(&[b"line should start with user keyword and followed by the username. "]);
            continue;
        };
        if breaks_lines(user) {
            fail(&[b"username '", user, b"' contains invalid characters. "]);
            continue;
        }
        if !seen.insert(user.to_vec()) {
            let text = format!("WARNING: Duplicate user '{}' found on line {}. ", lossy(user), number + 1);
            errors.extend_from_slice(text.as_bytes());
            continue;
        }
        let rules: Vec<&[u8]> = words.map(<[u8]>::trim_ascii).collect();
        let Ok(rules) = join_selectors(rules.into_iter()) else {
            fail(&[b"Unmatched parenthesis in selector definition."]);
            continue;
        };
        let mut changed = users.get_or_new(user, channels);
        if user == super::DEFAULT {
            // What a file says of it is all that it may.
            changed = super::User { id: changed.id, ..super::User::new(0, user, channels) };
        }
        let mut wrong = false;
        for rule in rules {
            match changed.apply(rule.trim_ascii_end(), channels) {
                Ok(()) => {}
                Err(error @ RuleError::Unknown) => {
                    // A name of a command is no secret, and all unknown ones are of interest.
                    let why = format!("': {error}. ");
                    fail(&[b"Error in applying operation '", &rule, why.as_bytes()]);
                }
                // Of others only the first: what follows may come of it.
                Err(error) if !wrong => {
                    wrong = true;
                    fail(&[format!("{error}. ").as_bytes()]);
                }
                Err(_) => {}
            }
        }
        users.put(changed);
    }
    if errors.is_empty() {
        return Ok(users);
    }
    errors.extend_from_slice(UNCHANGED.as_bytes());
    Err(errors)
}

/// The text that gives the same users again.
pub fn write(users: &Users) -> Vec<u8> {
    let mut text = Vec::new();
    for user in users.iter() {
        text.extend_from_slice(&user.describe());
        text.push(b'\n');
    }
    text
}

/// Applies lines of a configuration, each the words behind `user`, to the users there are. A line about `default` says
/// all that it may.
///
/// # Errors
/// The first thing that is wrong.
pub fn configure(users: &mut Users, lines: &[Vec<Vec<u8>>], channels: Channels) -> Result<(), String> {
    let mut seen: HashSet<&[u8]> = HashSet::new();
    for line in lines {
        let Some((name, rules)) = line.split_first() else { continue };
        let wrong = |what: &str, why: &str| format!("Error in user declaration '{what}': {why}");
        if breaks_lines(name) {
            return Err(wrong(&lossy(name), "Usernames can't contain spaces or null characters"));
        }
        if !seen.insert(name) {
            let why = "Duplicate user found. A user can only be defined once in config files";
            return Err(wrong(&lossy(name), why));
        }
        let mut user = users.get_or_new(name, channels);
        if name == super::DEFAULT {
            // What a configuration says of it is all that it may.
            let applied = user.apply(b"reset", channels);
            debug_assert_eq!(applied, Ok(()), "reset is a rule");
        }
        let words = rules.iter().map(Vec::as_slice);
        let changed =
            user.apply_all(words, channels).map_err(|(rule, why)| wrong(&lossy(&rule), &why.to_string()))?;
        users.put(changed);
    }
    Ok(())
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}
