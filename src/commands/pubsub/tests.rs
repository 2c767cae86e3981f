//! What the commands answer, in both protocols.

use crate::resp::Protocol;
use crate::server::stand_in::StandIn;
use crate::session::{ClientType, Session};

fn ask(server: &StandIn, session: &mut Session, line: &str) -> String {
    server.ask(session, line).replace("\r\n", " ").trim_end().to_string()
}

#[test]
fn subscriptions_are_confirmed_one_by_one() {
    let (server, mut session) = (StandIn::default(), Session::new(1, 0));
    assert_eq!(
        ask(&server, &mut session, "SUBSCRIBE a b a"),
        "*3 $9 subscribe $1 a :1 *3 $9 subscribe $1 b :2 *3 $9 subscribe $1 a :2"
    );
    assert_eq!(ask(&server, &mut session, "PSUBSCRIBE a*"), "*3 $10 psubscribe $2 a* :3");
    assert_eq!(ask(&server, &mut session, "SSUBSCRIBE s"), "*3 $10 ssubscribe $1 s :1");
    assert_eq!(session.kind(), ClientType::Pubsub);
    assert_eq!(
        ask(&server, &mut session, "UNSUBSCRIBE"),
        "*3 $11 unsubscribe $1 a :2 *3 $11 unsubscribe $1 b :1"
    );
    assert_eq!(
        ask(&server, &mut session, "PUNSUBSCRIBE x a*"),
        "*3 $12 punsubscribe $1 x :1 *3 $12 punsubscribe $2 a* :0"
    );
    assert_eq!(ask(&server, &mut session, "SUNSUBSCRIBE s"), "*3 $12 sunsubscribe $1 s :0");
    assert_eq!(session.kind(), ClientType::Normal);
}

#[test]
fn who_is_subscribed_to_nothing_is_told_of_no_channel() {
    let (server, mut session) = (StandIn::default(), Session::new(1, 0));
    assert_eq!(ask(&server, &mut session, "UNSUBSCRIBE"), "*3 $11 unsubscribe $-1 :0");
    session.protocol = Protocol::Resp3;
    assert_eq!(ask(&server, &mut session, "PUNSUBSCRIBE"), ">3 $12 punsubscribe _ :0");
    assert_eq!(ask(&server, &mut session, "SUBSCRIBE a"), ">3 $9 subscribe $1 a :1");
    assert_eq!(ask(&server, &mut session, "PUNSUBSCRIBE"), ">3 $12 punsubscribe _ :1");
}

#[test]
fn a_subscriber_of_resp2_is_answered_to_ping_with_an_array() {
    let (server, mut session) = (StandIn::default(), Session::new(1, 0));
    ask(&server, &mut session, "SUBSCRIBE a");
    assert_eq!(ask(&server, &mut session, "PING"), "*2 $4 pong $0");
    assert_eq!(ask(&server, &mut session, "PING foo"), "*2 $4 pong $3 foo");
    session.protocol = Protocol::Resp3;
    assert_eq!(ask(&server, &mut session, "PING"), "+PONG");
}

#[test]
fn reset_ends_everything() {
    let (server, mut session) = (StandIn::default(), Session::new(1, 0));
    ask(&server, &mut session, "SUBSCRIBE a");
    ask(&server, &mut session, "CLIENT TRACKING on");
    assert_eq!(ask(&server, &mut session, "RESET"), "+RESET");
    assert_eq!((session.subscriptions.total(), &session.tracking), (0, &None));
    assert_eq!(ask(&server, &mut session, "PUBSUB CHANNELS"), "*0");
    assert_eq!(ask(&server, &mut session, "CLIENT GETREDIR"), ":-1");
}

#[test]
fn publish_says_how_many_heard_it() {
    let (server, mut session) = (StandIn::default(), Session::new(1, 0));
    assert_eq!(ask(&server, &mut session, "PUBLISH a x"), ":0");
    ask(&server, &mut Session::new(2, 0), "SUBSCRIBE a");
    assert_eq!(ask(&server, &mut session, "PUBLISH a x"), ":1");
    assert_eq!(*server.done.borrow(), ["publish a x by 1", "publish a x by 1"]);
}

#[test]
fn pubsub_tells_who_is_subscribed_to_what() {
    let (server, mut session) = (StandIn::default(), Session::new(1, 0));
    ask(&server, &mut Session::new(2, 0), "SUBSCRIBE foo bar");
    ask(&server, &mut Session::new(3, 0), "SUBSCRIBE foo");
    ask(&server, &mut Session::new(3, 0), "PSUBSCRIBE f* b*");
    ask(&server, &mut Session::new(3, 0), "SSUBSCRIBE shard");
    for (line, expected) in [
        ("PUBSUB CHANNELS", "*2 $3 bar $3 foo"),
        ("PUBSUB CHANNELS f*", "*1 $3 foo"),
        ("PUBSUB NUMSUB foo none", "*4 $3 foo :2 $4 none :0"),
        ("PUBSUB NUMSUB", "*0"),
        ("PUBSUB NUMPAT", ":2"),
        ("PUBSUB SHARDCHANNELS", "*1 $5 shard"),
        ("PUBSUB SHARDNUMSUB shard foo", "*4 $5 shard :1 $3 foo :0"),
        (
            "PUBSUB CHANNELS a b",
            "-ERR unknown subcommand or wrong number of arguments for 'CHANNELS'. Try PUBSUB HELP.",
        ),
        ("PUBSUB FOO", "-ERR unknown subcommand 'FOO'. Try PUBSUB HELP."),
    ] {
        assert_eq!(ask(&server, &mut session, line), expected, "{line}");
    }
}

#[test]
fn monitor_is_answered_once() {
    let (server, mut session) = (StandIn::default(), Session::new(1, 0));
    assert_eq!(ask(&server, &mut session, "MONITOR"), "+OK");
    assert_eq!(ask(&server, &mut session, "MONITOR"), "");
    assert_eq!(*server.done.borrow(), ["monitor 1"]);
}
