use super::*;

fn parsed(text: &str) -> Result<Vec<String>, String> {
    let users = file::parse(text.as_bytes(), "users.acl", Channels::None)
        .map_err(|errors| String::from_utf8(errors).expect("text"))?;
    Ok(users.iter().map(|user| String::from_utf8(user.describe()).expect("text")).collect())
}

const DEFAULT_LINE: &str = "user default on nopass ~* &* +@all";

#[test]
fn files_read_back_as_they_were_written() {
    let text = "user bob on >x ~a %R~b &c +@all -get (+set ~k)\n\n  user  \nuser default off\n";
    assert!(parsed(text).is_err(), "a line without a name");
    let text = "\r\nuser bob on >x ~a %R~b &c +@all -get (+set ~k)\r\n\n  user default off\n";
    let first = parsed(text).expect("right");
    assert_eq!(first[1], "user default off resetchannels -@all", "what the file says is all that it may");
    let users = file::parse(text.as_bytes(), "f", Channels::None).expect("right");
    let written = String::from_utf8(file::write(&users)).expect("text");
    assert_eq!(parsed(&written).expect("right"), first);
    assert!(!written.contains(">x"), "no password is written in the clear");
}

#[test]
fn default_is_there_whether_or_not_a_file_names_it() {
    assert_eq!(parsed("").expect("right"), [DEFAULT_LINE]);
    assert_eq!(parsed("user a on").expect("right"), ["user a on resetchannels -@all", DEFAULT_LINE]);
}

#[test]
fn all_that_is_wrong_in_a_file_is_told() {
    let unchanged =
        "WARNING: ACL errors detected, no change to the previously active ACL rules was performed";
    let error = |text: &str| parsed(text).expect_err("wrong").replace(unchanged, "…");
    assert_eq!(
        error("usr x"),
        "users.acl:1: line should start with user keyword and followed by the username. …"
    );
    assert_eq!(
        error("user a +foo +bar bad worse\nuser b ok"),
        "users.acl:1: Error in applying operation '+foo': Unknown command or category name in ACL. \
         users.acl:1: Error in applying operation '+bar': Unknown command or category name in ACL. \
         users.acl:1: Syntax error. users.acl:2: Syntax error. …"
    );
    assert_eq!(error("user a on\nuser a on"), "WARNING: Duplicate user 'a' found on line 2. …");
    assert_eq!(error("user a (~x"), "users.acl:1: Unmatched parenthesis in selector definition.…");
}

#[test]
fn a_configuration_names_each_user_once() {
    let configured = |lines: &[&[&str]]| {
        let lines: Vec<Vec<Vec<u8>>> =
            lines.iter().map(|line| line.iter().map(|word| word.as_bytes().to_vec()).collect()).collect();
        let mut users = Users::new();
        users.require_password(b"secret");
        file::configure(&mut users, &lines, Channels::None)?;
        Ok(users.iter().map(|user| String::from_utf8_lossy(&user.describe()).into_owned()).collect())
    };
    let lines: Result<Vec<String>, String> =
        configured(&[&["a", "on", "(+get", "~x)"], &["default", "+@all"]]);
    assert_eq!(
        lines.expect("right"),
        [
            "user a on resetchannels -@all (~x resetchannels -@all +get)",
            "user default off sanitize-payload resetchannels +@all"
        ]
    );
    assert_eq!(
        configured(&[&["a"], &["a"]]),
        Err(
            "Error in user declaration 'a': Duplicate user found. A user can only be defined once in config \
             files"
                .into()
        )
    );
    assert_eq!(configured(&[&["a", "foo"]]), Err("Error in user declaration 'foo': Syntax error".into()));
}

#[test]
fn require_password_is_about_default_only() {
    let mut users = Users::new();
    users.require_password(b"x");
    assert!(!users.default_user().lets_everyone_in() && users.authenticate(b"default", b"x").is_some());
    assert!(users.authenticate(b"default", b"y").is_none());
    users.require_password(b"");
    assert!(users.default_user().lets_everyone_in() && users.default_user().is_unlimited());
    assert!(users.default_user().passwords.is_empty());
}

#[test]
fn users_that_a_file_brings_are_others_than_those_of_before() {
    let mut users = Users::new();
    users.change(b"a", std::iter::empty(), Channels::None).expect("no rules");
    let before = (users.get(b"a").expect("made").id, users.default_user().id);
    users.replace(file::parse(b"user a on\nuser b on", "f", Channels::None).expect("right"));
    let after = (users.get(b"a").expect("there").id, users.default_user().id);
    assert_ne!(before.0, after.0);
    assert_eq!(before.1, after.1);
    assert_ne!(after.0, users.get(b"b").expect("there").id);
}

#[test]
fn generations_move_with_changes_only() {
    let access = Access::new(Users::new());
    let refused = access.change(|users| {
        users.put(User::new(7, b"x", Channels::None));
        Err::<(), _>("no")
    });
    assert_eq!((refused, access.generation()), (Err("no"), 0));
    assert!(access.users().get(b"x").is_none());
    let Ok(()) = access.change(|users| {
        users.put(User::new(7, b"x", Channels::None));
        Ok::<_, std::convert::Infallible>(())
    });
    assert_eq!(access.generation(), 1);
    assert!(access.users().get(b"x").is_some());
}

#[test]
fn the_log_is_bounded_and_counts_within_a_minute() {
    let mut log = Log::default();
    let what = (Reason::Key, Context::TopLevel);
    let add = |log: &mut Log, object: &str, now_ms: u64| {
        log.add(what, object.as_bytes(), b"u", Vec::new(), now_ms, 3);
    };
    add(&mut log, "a", 0);
    add(&mut log, "a", 60_000);
    add(&mut log, "a", 120_001);
    let counts: Vec<(u64, u64, u64)> =
        log.newest(9).map(|entry| (entry.id, entry.count, entry.created_ms)).collect();
    assert_eq!(counts, [(1, 1, 120_001), (0, 2, 0)]);
    for object in ["b", "c", "d"] {
        add(&mut log, object, 120_001);
    }
    assert_eq!(log.newest(9).len(), 3);
    log.reset();
    assert_eq!(log.newest(9).len(), 0);
}

#[test]
fn passwords_are_compared_as_hashes() {
    let known = Password::of(b"secret");
    assert!(known.is(&Password::of(b"secret")) && !known.is(&Password::of(b"Secret")));
    assert_eq!(Password::from_hex(known.hex().as_bytes()), Some(known));
    assert_eq!(Password::from_hex(known.hex().to_uppercase().as_bytes()), None);
    assert_eq!(format!("{known:?}"), "(secret)");
}
