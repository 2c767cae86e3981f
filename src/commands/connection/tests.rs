use crate::resp::Protocol;
use crate::server::stand_in::StandIn;
use crate::server::{ClientFacts, Pause};
use crate::session::Session;
use std::sync::Arc;

/// Numbers that have broken servers.
pub(crate) const BOUNDARIES: [&str; 16] = [
    "-9223372036854775809",
    "-9223372036854775808",
    "-4294967296",
    "-2147483649",
    "-2147483648",
    "-1",
    "0",
    "1",
    "2147483647",
    "2147483648",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "x",
];

fn session() -> Session {
    let mut session = Session::new(5, 1_699_999_990_000);
    session.address = "127.0.0.1:1000".into();
    session.local_address = "127.0.0.1:9221".into();
    session
}

#[track_caller]
fn check(script: &[(&str, &str)]) {
    let server = StandIn::default();
    let mut session = session();
    for (line, expected) in script {
        assert_eq!(server.ask(&mut session, line), *expected, "{line}");
    }
}

#[test]
fn ping_echo_select() {
    check(&[
        ("PING", "+PONG\r\n"),
        ("PING x", "$1\r\nx\r\n"),
        ("PING a b", "-ERR wrong number of arguments for 'ping' command\r\n"),
        ("ECHO x", "$1\r\nx\r\n"),
        ("SELECT 15", "+OK\r\n"),
        ("SELECT 16", "-ERR DB index is out of range\r\n"),
        ("SELECT -1", "-ERR DB index is out of range\r\n"),
        ("SELECT x", "-ERR value is not an integer or out of range\r\n"),
    ]);
}

#[test]
fn no_integer_breaks_anything() {
    let lines = [
        "SELECT {}",
        "HELLO {}",
        "CLIENT LIST ID {}",
        "CLIENT KILL ID {}",
        "CLIENT KILL MAXAGE {}",
        "CLIENT PAUSE {}",
        "CLIENT UNBLOCK {}",
        "SLOWLOG GET {}",
        "LOLWUT VERSION {}",
        "DEBUG SLEEP {}",
        "DEBUG SET-ACTIVE-EXPIRE {}",
        "DEBUG STRINGMATCH-LEN {} a*",
        "COMPACT {}",
        "COMPACTRANGE {} a b",
        "PURGELOGSTO {}",
        "REPLICAOF host {}",
        "INFO KEYSPACE {}",
    ];
    for line in lines {
        for number in BOUNDARIES {
            let (server, mut session) = (StandIn::default(), session());
            let reply = server.ask(&mut session, &line.replace("{}", number));
            assert!(reply.ends_with("\r\n"), "{line} {number}: {reply:?}");
        }
    }
}

#[test]
fn hello_in_both_protocols() {
    let body = |proto: u8| {
        format!(
            "$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.2.0\r\n$5\r\nproto\r\n:{proto}\r\n$2\r\nid\r\n\
             :5\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n"
        )
    };
    let (two, three) = (format!("*14\r\n{}", body(2)), format!("%7\r\n{}", body(3)));
    check(&[
        ("HELLO", &two),
        ("HELLO 3", &three),
        ("HELLO", &three),
        ("HELLO 4", "-NOPROTO unsupported protocol version\r\n"),
        ("HELLO x", "-ERR Protocol version is not an integer or out of range\r\n"),
        ("HELLO 2 AUTH default", "-ERR Syntax error in HELLO option 'AUTH'\r\n"),
        ("HELLO 2 FOO", "-ERR Syntax error in HELLO option 'FOO'\r\n"),
        ("CLIENT GETNAME", "_\r\n"),
        ("HELLO 2 AUTH default x SETNAME me", &two),
        ("CLIENT GETNAME", "$2\r\nme\r\n"),
        ("RESET", "+RESET\r\n"),
        ("CLIENT GETNAME", "$-1\r\n"),
        ("HELLO 3 AUTH other x", "-WRONGPASS invalid username-password pair or user is disabled.\r\n"),
    ]);
}

#[test]
fn auth_with_and_without_a_password() {
    let server = StandIn::default();
    let mut session = session();
    let mut ask = |line: &str| server.ask(&mut session, line);
    assert!(ask("AUTH x").starts_with("-ERR AUTH <password> called without any password configured"));
    assert_eq!(ask("AUTH default x"), "+OK\r\n");
    assert_eq!(ask("AUTH a b c"), "-ERR syntax error\r\n");
    let (config, _) =
        server.config.lock().expect("free").set(&[(b"requirepass", b"foobar")], true).expect("set");
    *server.config.lock().expect("free") = Arc::new(config);
    assert!(super::needs_password(&server));
    for wrong in ["AUTH foo", "AUTH foobarfoobar", "AUTH other foobar", "AUTH default x"] {
        assert!(ask(wrong).starts_with("-WRONGPASS "), "{wrong}");
    }
    assert_eq!(ask("RESET"), "+RESET\r\n");
    assert!(ask("HELLO 3").starts_with("-NOAUTH HELLO must be called"));
    assert!(ask("HELLO 3 AUTH default foobar").starts_with("%7\r\n"));
    assert_eq!(ask("AUTH foobar"), "+OK\r\n");
}

#[test]
fn client_names_and_kinds() {
    let refused = "-ERR Client names cannot contain spaces, newlines or special characters.\r\n";
    check(&[
        ("CLIENT ID", ":5\r\n"),
        ("CLIENT SETNAME a\nb", refused),
        ("CLIENT SETNAME name", "+OK\r\n"),
        ("CLIENT GETNAME", "$4\r\nname\r\n"),
        (
            "CLIENT SETINFO lib-name \n",
            "-ERR lib-name cannot contain spaces, newlines or special characters.\r\n",
        ),
        ("CLIENT SETINFO foo x", "-ERR Unrecognized option 'foo'\r\n"),
        ("CLIENT SETINFO LIB-VER 1.2", "+OK\r\n"),
        ("CLIENT GETREDIR", ":-1\r\n"),
        ("CLIENT NO-EVICT maybe", "-ERR syntax error\r\n"),
        ("CLIENT NO-TOUCH on", "+OK\r\n"),
        ("CLIENT UNBLOCK 7", ":1\r\n"),
        ("CLIENT UNBLOCK 8 ERROR", ":0\r\n"),
        ("CLIENT UNBLOCK 8 foo", "-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR\r\n"),
        (
            "CLIENT UNBLOCK 8 foo ERROR",
            "-ERR unknown subcommand or wrong number of arguments for 'UNBLOCK'. Try CLIENT HELP.\r\n",
        ),
        ("CLIENT TRACKING OFF", "+OK\r\n"),
        ("CLIENT LIST TYPE replica", "$0\r\n\r\n"),
        ("CLIENT LIST TYPE foo", "-ERR Unknown client type 'foo'\r\n"),
        ("CLIENT LIST ID x", "-ERR Invalid client ID\r\n"),
        ("CLIENT LIST ID", "-ERR syntax error\r\n"),
        (
            "CLIENT TRACKINGINFO",
            "*6\r\n$5\r\nflags\r\n*1\r\n$3\r\noff\r\n$8\r\nredirect\r\n:-1\r\n$8\r\nprefixes\r\n*0\r\n",
        ),
    ]);
}

#[test]
fn client_list_tells_what_waits_for_a_client() {
    for (waiting, expected) in [
        (0, " obl=0 oll=0 omem=0 "),
        (16384, " obl=16384 oll=0 omem=0 "),
        (16385, " obl=16384 oll=1 omem=1 "),
        (100_000, " obl=16384 oll=6 omem=83616 "),
    ] {
        let mut facts = ClientFacts::new(Session::new(9, 0));
        facts.output_buffer = waiting;
        let server = StandIn { clients: vec![facts], ..StandIn::default() };
        let answer = server.ask(&mut session(), "CLIENT LIST ID 9");
        assert!(answer.contains(expected), "{answer}");
    }
}

#[test]
fn client_list_is_redis_line() {
    let server = StandIn { clients: vec![ClientFacts::new(Session::new(9, 0))], ..StandIn::default() };
    let mut session = session();
    let line = "id=5 addr=127.0.0.1:1000 laddr=127.0.0.1:9221 fd=-1 name= age=10 idle=10 flags=N db=0 sub=0 psub=0 \
                ssub=0 multi=-1 qbuf=0 qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 omem=0 tot-mem=0 \
                events=r cmd=client|info user=default redir=-1 resp=2 lib-name= lib-ver=\n";
    assert_eq!(server.ask(&mut session, "CLIENT INFO"), format!("${}\r\n{line}\r\n", line.len()));
    let all = server.ask(&mut session, "CLIENT LIST");
    assert_eq!(all.matches("\nid=").count(), 2, "{all}");
    assert_eq!(server.ask(&mut session, "CLIENT LIST ID 9 5 9").matches("cmd=").count(), 2);
    session.protocol = Protocol::Resp3;
    assert!(server.ask(&mut session, "CLIENT INFO").starts_with('='));
}

#[test]
fn kill_takes_filters() {
    let clients = vec![ClientFacts::new(session()), ClientFacts::new(Session::new(9, 1_699_999_000_000))];
    let server = StandIn { clients, ..StandIn::default() };
    let mut session = session();
    let mut ask = |line: &str| {
        let reply = server.ask(&mut session, line);
        (reply, std::mem::take(&mut session.closing), std::mem::take(&mut *server.done.borrow_mut()))
    };
    assert_eq!(ask("CLIENT KILL SKIPME yes"), (":1\r\n".into(), false, vec!["kill 9".into()]));
    assert_eq!(ask("CLIENT KILL SKIPME no"), (":2\r\n".into(), true, vec!["kill 9".into()]));
    assert_eq!(ask("CLIENT KILL MAXAGE 100"), (":1\r\n".into(), false, vec!["kill 9".into()]));
    assert_eq!(ask("CLIENT KILL 127.0.0.1:1000"), ("+OK\r\n".into(), true, vec![]));
    assert_eq!(ask("CLIENT KILL 1.1.1.1:1"), ("-ERR No such client\r\n".into(), false, vec![]));
    for (line, error) in [
        ("CLIENT KILL ID str", "-ERR client-id should be greater than 0\r\n"),
        ("CLIENT KILL ID 0", "-ERR client-id should be greater than 0\r\n"),
        ("CLIENT KILL ID 10 wrong", "-ERR syntax error\r\n"),
        ("CLIENT KILL TYPE wrong", "-ERR Unknown client type 'wrong'\r\n"),
        ("CLIENT KILL USER wrong", "-ERR No such user 'wrong'\r\n"),
        ("CLIENT KILL SKIPME yes_or_no", "-ERR syntax error\r\n"),
        ("CLIENT KILL ID 77", ":0\r\n"),
    ] {
        assert_eq!(ask(line).0, error, "{line}");
    }
}

#[test]
fn pauses_only_grow() {
    let server = StandIn::default();
    let mut session = session();
    let now = 1_700_000_000_000;
    let mut ask = |line: &str| {
        server.ask(&mut session, line);
        *server.pause.lock().expect("free")
    };
    assert_eq!(ask("CLIENT PAUSE 100"), Some(Pause { until_ms: now + 100, writes_only: false }));
    assert_eq!(ask("CLIENT PAUSE 50 WRITE"), Some(Pause { until_ms: now + 100, writes_only: false }));
    assert_eq!(ask("CLIENT UNPAUSE"), None);
    assert_eq!(ask("CLIENT PAUSE -1"), None);
    assert_eq!(ask("CLIENT PAUSE 1 foo"), None);
    assert!(ask("CLIENT PAUSE 9223372036854775807 WRITE").is_some_and(|pause| pause.writes_only));
}

#[test]
fn replies_can_be_silenced() {
    check(&[
        ("CLIENT REPLY OFF", ""),
        ("PING", ""),
        ("CLIENT REPLY SKIP", ""),
        ("PING", ""),
        ("CLIENT REPLY ON", "+OK\r\n"),
        ("CLIENT REPLY SKIP", ""),
        ("PING", ""),
        ("PING", "+PONG\r\n"),
        ("CLIENT REPLY SKIP", ""),
        ("CLIENT REPLY ON", "+OK\r\n"),
        ("PING", "+PONG\r\n"),
        ("CLIENT REPLY foo", "-ERR syntax error\r\n"),
        ("QUIT now", "+OK\r\n"),
    ]);
}

/// What a client sent comes back in errors byte for byte, also if it is no text.
#[test]
fn errors_quote_bytes() {
    let server = StandIn::default();
    let cases: [(&[&[u8]], &[u8]); 5] = [
        (&[b"HELLO", b"2", b"\xff"], b"-ERR Syntax error in HELLO option '\xff'\r\n"),
        (
            &[b"CONFIG", b"SET", b"\xff", b"a"],
            b"-ERR Unknown option or number of arguments for CONFIG SET - '\xff'\r\n",
        ),
        (&[b"CLIENT", b"LIST", b"TYPE", b"\xff"], b"-ERR Unknown client type '\xff'\r\n"),
        (&[b"CLIENT", b"KILL", b"USER", b"\xff"], b"-ERR No such user '\xff'\r\n"),
        (
            &[b"DEBUG", b"\xff"],
            b"-ERR unknown subcommand or wrong number of arguments for '\xff'. Try DEBUG HELP.\r\n",
        ),
    ];
    for (words, expected) in cases {
        assert_eq!(server.call(&mut session(), words), expected, "{words:?}");
    }
}

#[test]
fn tracking_options_go_together_as_in_redis() {
    let server = StandIn { clients: vec![ClientFacts::new(Session::new(9, 0))], ..StandIn::default() };
    let mut session = session();
    for (line, expected) in [
        ("ON PREFIX a", "-ERR PREFIX option requires BCAST mode to be enabled"),
        ("ON BCAST OPTIN", "-ERR OPTIN and OPTOUT are not compatible with BCAST"),
        ("ON OPTIN OPTOUT", "-ERR You can't specify both OPTIN mode and OPTOUT mode"),
        ("ON REDIRECT 8", "-ERR The client ID you want redirect to does not exist"),
        ("ON REDIRECT 0", "-ERR The client ID you want redirect to does not exist"),
        ("ON REDIRECT x", "-ERR value is not an integer or out of range"),
        ("ON REDIRECT 9 REDIRECT 9", "-ERR A client can only redirect to a single other client"),
        ("ON REDIRECT", "-ERR syntax error"),
        ("maybe", "-ERR syntax error"),
        (
            "ON BCAST PREFIX a PREFIX ab",
            "-ERR Prefix 'a' overlaps with another provided prefix 'ab'. Prefixes for a single client must not overlap.",
        ),
        ("ON BCAST PREFIX a", "+OK"),
        (
            "ON BCAST PREFIX ab",
            "-ERR Prefix 'ab' overlaps with an existing prefix 'a'. Prefixes for a single client must not overlap.",
        ),
        ("ON BCAST PREFIX b REDIRECT 9", "+OK"),
        (
            "ON",
            "-ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling \
             it with a different mode.",
        ),
    ] {
        assert_eq!(
            server.ask(&mut session, &format!("CLIENT TRACKING {line}")).trim_end(),
            expected,
            "{line}"
        );
    }
    assert_eq!(
        server.ask(&mut session, "CLIENT TRACKINGINFO").replace("\r\n", " "),
        "*6 $5 flags *2 $2 on $5 bcast $8 redirect :9 $8 prefixes *2 $1 a $1 b "
    );
    assert!(server.ask(&mut session, "CLIENT INFO").contains(" flags=tB "));
    assert!(server.ask(&mut session, "CLIENT INFO").contains(" redir=9 "));
}

#[test]
fn caching_is_about_the_next_command() {
    let server = StandIn::default();
    let mut session = session();
    for (line, expected) in [
        (
            "CACHING YES",
            "-ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
        ),
        ("TRACKING ON OPTIN", "+OK"),
        ("CACHING NO", "-ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode."),
        ("CACHING maybe", "-ERR syntax error"),
        (
            "TRACKING ON OPTOUT",
            "-ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling \
             it with a different mode.",
        ),
    ] {
        assert_eq!(server.ask(&mut session, &format!("CLIENT {line}")).trim_end(), expected, "{line}");
    }
    let remembers =
        |session: &Session| session.tracking.as_ref().is_some_and(|tracking| tracking.remembers());
    assert!(!remembers(&session));
    assert_eq!(server.ask(&mut session, "CLIENT CACHING YES"), "+OK\r\n");
    assert!(remembers(&session));
}
