//! Users in configuration files.

use super::super::load::{Disk, Sources, load};
use super::super::options;
use super::super::rewrite_users;
use std::path::Path;

/// A user's name and keys are any bytes: quoted by CONFIG REWRITE, as they are by Redis. Nothing else is.
#[test]
fn users_need_not_be_utf8() {
    let folder = tempfile::tempdir().expect("a folder");
    let name = |file: &str| folder.path().join(file).display().to_string();
    let user = b"u\xff on resetchannels ~\x80k\xc3\xa9 -@all".to_vec();
    let words: Vec<Vec<u8>> = user.split(|&byte| byte == b' ').map(<[u8]>::to_vec).collect();
    let load_file = |file: &str| load(&Sources { arguments: &[name(file)], ..Sources::default() }, &Disk);
    for file in ["redis.conf", "pika.toml"] {
        let before = if file == "redis.conf" { "port 1\n" } else { "port = 1\n" };
        std::fs::write(name(file), before).expect("written");
        let mut texts = Vec::new();
        rewrite_users(Path::new(&name(file)), std::slice::from_ref(&user), &Disk, &mut texts).expect("valid");
        std::fs::write(name(file), &texts[0].1).expect("written");
        assert_eq!(load_file(file).expect("valid").users, std::slice::from_ref(&words), "{}", texts[0].1);
    }
    let redis = [b"# caf\xe9\nport 7\nuser ", user.as_slice(), b"\n"].concat();
    std::fs::write(name("raw.conf"), redis).expect("written");
    let loaded = load_file("raw.conf").expect("valid");
    assert_eq!((loaded.users, loaded.config.get(options::PORT)), (vec![words], 7));
    for (line, wrong) in
        [(&b"requirepass \xff\n"[..], ":1: a word that is not UTF-8"), (b"user \"\xff\n", ": invalid data")]
    {
        std::fs::write(name("wrong.conf"), line).expect("written");
        let problem = load_file("wrong.conf").expect_err("wrong").to_string();
        assert!(problem.contains(wrong), "{problem}");
    }
}
