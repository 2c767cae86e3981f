//! What an operator writes: configuration files, files of users, arguments.

use std::io;
use std::path::{Path, PathBuf};

use super::Choices;
use crate::acl;
use crate::config::{Files, Sources, load};

/// One file; every other name is missing.
struct One<'a>(&'a str, &'a str);

impl Files for One<'_> {
    fn read(&self, path: &Path) -> io::Result<String> {
        if path == Path::new(self.0) { Ok(self.1.into()) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    fn list(&self, path: &Path) -> io::Result<Option<Vec<PathBuf>>> {
        if path == Path::new(self.0) { Ok(None) } else { Err(io::ErrorKind::NotFound.into()) }
    }
}

/// Arbitrary bytes as a `redis.conf`, a TOML file, arguments (one a line), or a file of users: an error that says where,
/// or something that is read again as the same.
pub fn config(data: &[u8]) {
    let (choices, data) = Choices::take(data);
    let text = String::from_utf8_lossy(data);
    let read = |name: &str| {
        let arguments = [name.to_string()];
        let result = load(&Sources { arguments: &arguments, ..Sources::default() }, &One(name, &text));
        if let Err(error) = result {
            assert!(!error.to_string().is_empty());
        }
    };
    match choices.bits & 3 {
        0 => read("redis.conf"),
        1 => read("pika.toml"),
        2 => {
            let arguments: Vec<String> = text.lines().map(String::from).collect();
            let _ = load(&Sources { arguments: &arguments, ..Sources::default() }, &One("", ""));
        }
        _ => {
            let Ok(users) = acl::file::parse(data, "users.acl", acl::Channels::None) else { return };
            let written = acl::file::write(&users);
            let again = acl::file::parse(&written, "users.acl", acl::Channels::None);
            let again = again
                .unwrap_or_else(|error| panic!("{}\nof\n{}", error.escape_ascii(), written.escape_ascii()));
            assert_eq!(
                acl::file::write(&again).escape_ascii().to_string(),
                written.escape_ascii().to_string()
            );
        }
    }
}
