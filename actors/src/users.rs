//! The users of the server at its start, and the file that they may be kept in.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use pika_core::acl::{Users, file};
use pika_core::config::{Config, options};

/// What `aclfile` names; a relative path begins at `dir`, as in Redis.
fn path(config: &Config) -> PathBuf {
    Path::new(config.get(options::DIR)).join(config.get(options::ACLFILE))
}

/// The text of the file of users.
pub(crate) fn read(config: &Config) -> Result<Vec<u8>, String> {
    fs::read(path(config)).map_err(|error| error.to_string())
}

/// Replaces the file of users by a new one, whole and on disk. Only its owner may read it: it holds hashes of
/// passwords; one that is there keeps its mode.
pub(crate) fn write(config: &Config, text: &[u8]) -> Result<(), String> {
    let path = path(config);
    let fail = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".tmp-{}", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = (|| {
        let mut file =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        if let Ok(present) = fs::metadata(&path) {
            file.set_permissions(present.permissions())?;
        }
        file.write_all(text)?;
        file.sync_all()?;
        fs::rename(&temporary, &path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    })();
    written.map_err(|error| {
        let _ = fs::remove_file(&temporary);
        fail(error)
    })
}

/// The users at the start: `default` with `requirepass`, and those of the configuration or of the file.
pub(crate) fn at_start(config: &Config, lines: &[Vec<Vec<u8>>]) -> Result<Users, String> {
    let channels = config.get(options::ACL_PUBSUB_DEFAULT).into();
    let name = config.get(options::ACLFILE);
    let mut users = Users::new();
    users.require_password(config.get(options::REQUIREPASS).as_bytes());
    if name.is_empty() {
        file::configure(&mut users, lines, channels)?;
        return Ok(users);
    }
    if !lines.is_empty() {
        return Err(
            "there are users in the configuration and an aclfile; only one of them may name users".into()
        );
    }
    let text = read(config).map_err(|error| format!("aclfile '{name}': {error}"))?;
    let read = file::parse(&text, name, channels)
        .map_err(|errors| format!("aclfile: {}", String::from_utf8_lossy(&errors)))?;
    users.replace(read);
    Ok(users)
}

/// The users that CONFIG REWRITE puts into the configuration, each as a line without the word `user`; `None` if they are in
/// a file of their own. If there is only `default`, and `requirepass` says all there is to say of it, there are none.
pub(crate) fn to_rewrite(config: &Config, users: &Users) -> Option<Vec<Vec<u8>>> {
    if !config.get(options::ACLFILE).is_empty() {
        return None;
    }
    let mut plain = Users::new();
    plain.require_password(config.get(options::REQUIREPASS).as_bytes());
    if file::write(&plain) == file::write(users) {
        return Some(Vec::new());
    }
    let line = |text: Vec<u8>| text.strip_prefix(b"user ").unwrap_or(&text).to_vec();
    Some(users.iter().map(|user| line(user.describe())).collect())
}
