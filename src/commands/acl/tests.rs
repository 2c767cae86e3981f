use crate::commands::{Args, table};
use crate::server::ClientFacts;
use crate::server::stand_in::StandIn;
use crate::session::Session;

fn session(id: u64) -> Session {
    let mut session = Session::new(id, 1_699_999_990_000);
    session.address = "127.0.0.1:1000".into();
    session
}

/// A script of commands and what their replies, made readable, begin with.
#[track_caller]
fn check(script: &[(&str, &str)]) {
    let (server, mut session) = (StandIn::default(), session(5));
    for (line, expected) in script {
        let reply = server.ask(&mut session, line);
        let shown = reply.replace("\r\n", " ");
        assert!(shown.starts_with(expected), "{line}: {shown:?}");
    }
}

/// ACL LIST's line of a user, after rules were applied to it one call after another.
fn listed(calls: &[&str]) -> String {
    let (server, mut session) = (StandIn::default(), session(5));
    for rules in calls {
        let reply = server.ask(&mut session, &format!("ACL SETUSER u {rules}"));
        assert_eq!(reply, "+OK\r\n", "{rules}");
    }
    let users = server.access.users();
    let line = users.get(b"u").expect("made").describe();
    String::from_utf8(line).expect("text").replacen("user u ", "", 1)
}

#[test]
fn a_new_user_may_do_nothing() {
    assert_eq!(listed(&["on"]), "on resetchannels -@all");
    check(&[
        ("ACL LIST", "*1 $34 user default on nopass ~* &* +@all"),
        ("ACL WHOAMI", "$7 default"),
        ("ACL SETUSER a\0b", "-ERR Usernames can't contain spaces or null characters"),
        ("ACL SETUSER new >p", "+OK"),
        ("AUTH new p", "-WRONGPASS"),
        ("ACL SETUSER new on", "+OK"),
        ("AUTH new wrong", "-WRONGPASS"),
        ("AUTH new p", "+OK"),
        ("ACL WHOAMI", "$3 new"),
        ("ACL GETUSER nobody", "$-1"),
        ("ACL USERS", "*2 $7 default $3 new"),
    ]);
}

#[test]
fn rules_make_what_is_listed() {
    let x = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
    assert_eq!(listed(&[">x"]), format!("off #{x} resetchannels -@all"));
    assert_eq!(listed(&[">x >x <x"]), "off resetchannels -@all");
    assert_eq!(listed(&[">x nopass"]), "off nopass resetchannels -@all");
    assert_eq!(listed(&["nopass >x"]), format!("off #{x} resetchannels -@all"));
    assert_eq!(listed(&[&format!("#{x} !{x}")]), "off resetchannels -@all");
    assert_eq!(listed(&["~a %R~a %W~b %R~b %w~c"]), "off ~a ~b %W~c resetchannels -@all");
    assert_eq!(listed(&["~a ALLKEYS &a", "&b &a"]), "off ~* resetchannels &a &b -@all");
    assert_eq!(listed(&["&a allchannels"]), "off &* -@all");
    assert_eq!(listed(&["skip-sanitize-payload"]), "off skip-sanitize-payload resetchannels -@all");
    assert_eq!(listed(&["on >x ~* &* +@all (+get ~x)", "reset"]), "off sanitize-payload resetchannels -@all");
    assert_eq!(
        listed(&["(~x +get) ( +set  ~y &z )"]),
        concat!("off resetchannels -@all (~x resetchannels -@all +get) ", "(~y resetchannels &z -@all +set)")
    );
    assert_eq!(listed(&["(~x)", "clearselectors"]), "off resetchannels -@all");
}

#[test]
fn rules_about_commands_are_kept_as_given() {
    let commands = |calls: &[&str]| listed(calls).replacen("off resetchannels ", "", 1);
    assert_eq!(commands(&["+@all -client|kill"]), "+@all -client|kill");
    assert_eq!(commands(&["+memory|doctor", "+memory"]), "-@all +memory");
    assert_eq!(commands(&["+@all -client +client|id"]), "+@all -client +client|id");
    assert_eq!(commands(&["+get -get"]), "-@all -get");
    assert_eq!(commands(&["+GET +@Read -@read +@STRING"]), "-@all +get -@read +@string");
    assert_eq!(commands(&["+select|0 +select|1"]), "-@all +select|0 +select|1");
    assert_eq!(commands(&["+select|0 -select"]), "-@all -select");
    assert_eq!(commands(&["+getdel +get"]), "-@all +getdel +get");
    assert_eq!(commands(&["+@all +get -@all"]), "-@all");
    assert_eq!(commands(&["allcommands"]), "+@all");
    assert_eq!(commands(&["+@all nocommands"]), "-@all");
}

#[test]
fn wrong_rules_change_nothing_and_say_why() {
    let error = |rule: &str, why: &str| format!("-ERR Error in ACL SETUSER modifier '{rule}': {why} ");
    let unknown = "Unknown command or category name in ACL";
    let cases = [
        ("+@foo", unknown),
        ("+", unknown),
        ("-", unknown),
        ("+|", unknown),
        ("+nothing", unknown),
        ("-get|x", unknown),
        ("+config|asdf", unknown),
        ("+get|a|b", unknown),
        ("+get|", "Syntax error"),
        ("+config|get|x", "Allowing first-arg of a subcommand is not supported"),
        ("%~x", "Syntax error"),
        ("%RR~x", "Syntax error"),
        ("%", "Syntax error"),
        ("foo", "Syntax error"),
        (")", "Syntax error"),
        ("(on)", "Syntax error"),
        ("(+nothing)", unknown),
        ("<x", "The password you are trying to remove from the user does not exist"),
        (
            "#x",
            "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters",
        ),
    ];
    for (rule, why) in cases {
        check(&[
            (&format!("ACL SETUSER u on {rule}"), &error(rule, why)),
            ("ACL GETUSER u", "$-1"),
            ("ACL SETUSER u", "+OK"),
            (&format!("ACL SETUSER u on {rule}"), &error(rule, why)),
            ("ACL GETUSER u", "*12 $5 flags *1 $3 off"),
        ]);
    }
    check(&[
        ("ACL SETUSER u (a b", "-ERR Unmatched parenthesis in acl selector starting at '(a'. "),
        (
            "ACL SETUSER u allkeys ~x",
            "-ERR Error in ACL SETUSER modifier '~x': Adding a pattern after the * pattern (or",
        ),
        (
            "ACL SETUSER u &* &x",
            "-ERR Error in ACL SETUSER modifier '&x': Adding a pattern after the * pattern (or",
        ),
        ("ACL SETUSER u ( x )", "-ERR Error in ACL SETUSER modifier '( x )': Syntax error"),
    ]);
}

#[test]
fn acl_pubsub_default_is_what_new_selectors_begin_with() {
    let (server, mut session) = (StandIn::default(), session(5));
    let set = |server: &StandIn, value: &[u8]| {
        let now = server.config.lock().expect("free").clone();
        let (config, _) = now.set(&[(b"acl-pubsub-default", value)], true).expect("set");
        *server.config.lock().expect("free") = std::sync::Arc::new(config);
    };
    set(&server, b"allchannels");
    server.ask(&mut session, "ACL SETUSER u (+get)");
    set(&server, b"resetchannels");
    server.ask(&mut session, "ACL SETUSER u (+set)");
    let line = server.access.users().get(b"u").expect("made").describe();
    assert_eq!(
        String::from_utf8_lossy(&line),
        "user u off &* -@all (&* -@all +get) (resetchannels -@all +set)"
    );
}

#[test]
fn removed_users_and_revoked_channels_close_clients() {
    let mut server = StandIn::default();
    let mut own = session(5);
    server.ask(&mut own, "ACL SETUSER u on nopass &a &b* +@all");
    let mut other = session(6);
    assert_eq!(server.ask(&mut other, "AUTH u x"), "+OK\r\n");
    server.ask(&mut other, "SUBSCRIBE a");
    server.ask(&mut other, "PSUBSCRIBE b*");
    server.clients = vec![ClientFacts::new(own.clone()), ClientFacts::new(other.clone())];
    let killed = |server: &StandIn| server.done.borrow().iter().filter(|what| *what == "kill 6").count();
    server.ask(&mut own, "ACL SETUSER u &c");
    server.ask(&mut own, "ACL SETUSER u resetchannels &a &b*");
    server.ask(&mut own, "ACL SETUSER u allchannels");
    assert_eq!(killed(&server), 0);
    server.ask(&mut own, "ACL SETUSER u resetchannels &a &b[a-z]*");
    assert_eq!(killed(&server), 1, "b* is another pattern");
    assert_eq!(server.ask(&mut own, "ACL DELUSER nobody u nobody"), ":1\r\n");
    assert_eq!(killed(&server), 2);
    assert!(!own.closing);
    server.ask(&mut own, "ACL SETUSER v on nopass");
    server.ask(&mut own, "AUTH v x");
    assert_eq!(
        server.ask(&mut own, "ACL DELUSER v default w"),
        "-ERR The 'default' user cannot be removed\r\n"
    );
    assert!(own.closing, "and v is gone");
}

#[test]
fn dryrun_tells_what_is_refused() {
    let refused = |what: &str| format!("This user has no permissions to {what}");
    let dry = |script: &[(&str, String)]| {
        let (server, mut session) = (StandIn::default(), session(5));
        server
            .ask(&mut session, "ACL SETUSER u %R~r* %W~w* ~b* &c* +@all -@geo -client +client|id +geoadd|x");
        for (line, expected) in script {
            let reply = server.ask(&mut session, &format!("ACL DRYRUN u {line}"));
            let shown = reply.trim_start_matches(|c: char| c == '$' || c.is_ascii_digit());
            assert_eq!(shown.trim_start_matches("\r\n").trim_end(), *expected, "{line}");
        }
    };
    let ok = || "+OK".to_string();
    dry(&[
        ("GET r1", ok()),
        ("GET w1", refused("access the 'w1' key")),
        ("SET w1 v", ok()),
        ("SET w1 v GET", refused("access the 'w1' key")),
        ("SET b1 v GET", ok()),
        ("MGET r1 b1 x w1", refused("access the 'x' key")),
        ("EXISTS w1", ok()),
        ("EXISTS x", refused("access the 'x' key")),
        ("BITFIELD r1 GET u4 0", ok()),
        ("BITFIELD r1 OVERFLOW WRAP SET u4 0 1", refused("access the 'r1' key")),
        ("BITFIELD r1 SET u4 0 1", refused("access the 'r1' key")),
        ("CLIENT ID", ok()),
        ("CLIENT LIST", refused("run the 'client|list' command")),
        ("GEOADD x 1 1 a", refused("access the 'x' key")),
        ("GEOADD b x 1 1 a", refused("run the 'geoadd' command")),
        ("DEBUG OBJECT r1", ok()),
        ("PUBLISH c1 m", ok()),
        ("PUBLISH d m", refused("access the 'd' channel")),
        ("SUBSCRIBE c1 d", refused("access the 'd' channel")),
        ("PSUBSCRIBE c*", ok()),
        ("PSUBSCRIBE c", refused("access the 'c' channel")),
        ("UNSUBSCRIBE d", ok()),
        ("ZUNIONSTORE w 9 x", ok()),
        ("ZUNIONSTORE x 1 r", refused("access the 'x' key")),
        ("XREAD STREAMS r1 x 0 0", refused("access the 'x' key")),
        ("AUTH x", ok()),
        ("NOTHING", "-ERR Command 'NOTHING' not found".into()),
        ("GET", "-ERR wrong number of arguments for 'get' command".into()),
    ]);
    check(&[("ACL DRYRUN nobody GET k", "-ERR User 'nobody' not found")]);
}

#[test]
fn first_arguments_stand_in_for_subcommands() {
    let (server, mut session) = (StandIn::default(), session(5));
    server.ask(&mut session, "ACL SETUSER u +select|0 +debug|object ~*");
    let mut dry = |line: &str| server.ask(&mut session, &format!("ACL DRYRUN u {line}"));
    assert_eq!(dry("SELECT 0"), "+OK\r\n");
    assert!(dry("SELECT 1").contains("run the 'select' command"));
    assert_eq!(dry("DEBUG Object k"), "+OK\r\n");
    assert!(dry("DEBUG SLEEP 0").contains("run the 'debug' command"));
}

#[test]
fn every_selector_is_enough_by_itself_and_the_farthest_refusal_is_told() {
    let (server, mut session) = (StandIn::default(), session(5));
    server.ask(&mut session, "ACL SETUSER u +mget ~key (+mget ~key ~other) (+set %W~w)");
    let mut dry = |line: &str| server.ask(&mut session, &format!("ACL DRYRUN u {line}"));
    assert_eq!(dry("MGET key other"), "+OK\r\n");
    assert!(dry("MGET other third").contains("the 'third' key"));
    assert!(dry("MGET key other third").contains("the 'third' key"));
    assert!(dry("GET key").contains("run the 'get' command"));
    assert!(dry("SET key v").contains("the 'key' key"));
}

#[test]
fn the_log_groups_what_comes_again() {
    check(&[
        ("AUTH u secret", "-WRONGPASS"),
        ("AUTH u other", "-WRONGPASS"),
        (
            "ACL LOG",
            "*1 *20 $5 count :2 $6 reason $4 auth $7 context $8 toplevel $6 object $4 AUTH $8 username $1 u",
        ),
        ("auth v x", "-WRONGPASS"),
        ("ACL LOG 1", "*1 *20 $5 count :1"),
        ("ACL LOG", "*2"),
        ("ACL LOG -1", "*0"),
        ("ACL LOG x", "-ERR value is not an integer or out of range"),
        ("ACL LOG 1 2", "-ERR unknown subcommand or wrong number of arguments for 'LOG'. Try ACL HELP."),
        ("ACL LOG RESET", "+OK"),
        ("ACL LOG", "*0"),
    ]);
}

#[test]
fn an_unknown_category_is_shown_up_to_128_bytes() {
    let long = "x".repeat(129);
    let error = format!("-ERR Unknown category '{}'", &long[1..]);
    check(&[(format!("ACL CAT {long}").as_str(), error.as_str())]);
}

#[test]
fn cat_and_genpass() {
    check(&[
        ("ACL CAT", "*21 $8 keyspace $4 read"),
        ("ACL CAT nothing", "-ERR Unknown category 'nothing'"),
        ("ACL CAT a b", "-ERR unknown subcommand or wrong number of arguments for 'CAT'. Try ACL HELP."),
        ("ACL GENPASS", "$64 a5a4"),
        ("ACL GENPASS 5", "$2 a5"),
        ("ACL GENPASS 1", "$1 a "),
        ("ACL GENPASS 0", "-ERR ACL GENPASS argument must be the number of bits"),
        ("ACL GENPASS 4097", "-ERR ACL GENPASS argument must be the number of bits"),
        ("ACL GENPASS x", "-ERR value is not an integer or out of range"),
        ("ACL SAVE", "-ERR This Redis instance is not configured to use an ACL file."),
        ("ACL LOAD", "-ERR This Redis instance is not configured to use an ACL file."),
    ]);
}

#[test]
fn every_command_can_be_checked_and_none_needs_more_than_its_words() {
    let mut users = crate::acl::Users::new();
    users.change(b"u", [b"~a".as_slice(), b"+@all"].into_iter(), crate::acl::Channels::None).expect("rules");
    let user = users.get(b"u").expect("made");
    for entry in table::entries() {
        let least = entry.command.arity.signed().unsigned_abs() as usize;
        for extra in 0..4 {
            let frame = b"1".repeat(least + extra);
            let ranges: Vec<(u32, u32)> = (0..frame.len() as u32).map(|at| (at, at + 1)).collect();
            // The words are no command: only that nothing is taken for a key that is not there.
            let _ = crate::acl::may_run(user, entry, Args::new(&frame, &ranges));
        }
    }
}
