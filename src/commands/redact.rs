//! Words that are secret, kept out of the slow log and MONITOR.

use super::Args;
use super::table::Entry;
use crate::config;

/// What stands in for a secret.
const REDACTED: &[u8] = b"(redacted)";

/// A command's words with secrets replaced.
pub fn words<'a>(entry: &Entry, args: Args<'a>) -> Vec<&'a [u8]> {
    let mut words: Vec<&[u8]> = args.words().collect();
    match entry.full_name.as_str() {
        "auth" => words.iter_mut().skip(1).for_each(|word| *word = REDACTED),
        "acl|setuser" => words.iter_mut().skip(2).for_each(|word| *word = REDACTED),
        "hello" => {
            let after_auth = |word: &&[u8]| word.eq_ignore_ascii_case(b"auth");
            if let Some(place) = words.iter().skip(2).position(after_auth) {
                words.iter_mut().skip(place + 3).take(2).for_each(|word| *word = REDACTED);
            }
        }
        "migrate" => {
            let mut index = 6;
            while let Some(word) = words.get(index) {
                // What follows are keys.
                if word.eq_ignore_ascii_case(b"keys") {
                    break;
                }
                let secrets = match () {
                    () if word.eq_ignore_ascii_case(b"auth") => 1,
                    () if word.eq_ignore_ascii_case(b"auth2") => 2,
                    () => 0,
                };
                words.iter_mut().skip(index + 1).take(secrets).for_each(|word| *word = REDACTED);
                index += 1 + secrets;
            }
        }
        "verify|start" => {
            // Behind a host, which may have any name, and its port.
            let secrets = match words.get(4) {
                Some(word) if word.eq_ignore_ascii_case(b"auth") => 1,
                Some(word) if word.eq_ignore_ascii_case(b"auth2") => 2,
                _ => 0,
            };
            words.iter_mut().skip(5).take(secrets).for_each(|word| *word = REDACTED);
        }
        "config|set" => {
            for index in (2..words.len()).step_by(2) {
                if index + 1 < words.len() && is_secret(words[index]) {
                    words[index + 1] = REDACTED;
                }
            }
        }
        _ => {}
    }
    words
}

fn is_secret(option: &[u8]) -> bool {
    let rows = config::TABLE.iter().filter(|row| row.secret);
    rows.into_iter().any(|row| {
        let mut names = row.aliases.iter().map(|alias| alias.name).chain([row.name]);
        names.any(|name| name.as_bytes().eq_ignore_ascii_case(option))
    })
}
