//! Scripts as clients see them, hot and cold, in one partition and in several, and again after a crash.

use crate::engine::memory::MemoryEngine;
use crate::testing::{MiniServer, check};

#[test]
fn a_script_computes_and_answers() {
    let script = "EVAL \"return 'hello'\" 0\nEVAL \"return 3.99\" 0\nEVAL \"return KEYS[1]..ARGV[1]\" 1 a b\nEVAL \"return x\" 0";
    check(script, &format!("\"hello\"\n(integer) 3\n\"ab\"\n{}", unknown_global()));
}

fn unknown_global() -> String {
    let digest = super::cache::digest(b"return x");
    let digest = String::from_utf8_lossy(&digest);
    format!(
        "(error) ERR user_script:1: Script attempted to access nonexistent global variable 'x' script: {digest}, on \
         @user_script:1."
    )
}

#[test]
fn commands_of_a_script_see_each_other_and_one_that_fails_leaves_nothing() {
    check(
        "EVAL \"redis.call('set',KEYS[1],'x') redis.pcall('lpush',KEYS[1],'y') return redis.call('get',KEYS[1])\" 1 k\n\
         EVAL \"for i=1,300 do redis.call('zadd',KEYS[1],i,'m'..i) end redis.call('zrem',KEYS[1],'m1') return \
         redis.call('zrange',KEYS[1],0,0)[1]..redis.call('zcard',KEYS[1])\" 1 z\nZCARD z\nGET k",
        "\"x\"\n\"m2299\"\n(integer) 299\n\"x\"",
    );
}

#[test]
fn what_names_no_script_is_said_before_the_number_of_keys() {
    check(
        "EVALSHA a a\nEVALSHA 0123456789012345678901234567890123456789 a\nFCALL a a\nFCALL_RO a -1",
        "(error) NOSCRIPT No matching script. Please use EVAL.\n\
         (error) ERR value is not an integer or out of range\n\
         (error) ERR Function not found\n(error) ERR Function not found",
    );
}

#[test]
fn undeclared_keys_of_any_partition_are_reached() {
    check(
        "EVAL \"for i=1,20 do redis.call('set','k'..i,i) end return redis.call('dbsize')\" 0\nMGET k1 k20",
        "(integer) 20\n1) \"1\"\n2) \"20\"",
    );
}

#[test]
fn a_script_is_one_record_of_effects() {
    let mut server = MiniServer::new(3);
    server.ask("SET a 1");
    let records = server.log.len();
    server.ask("EVAL \"redis.call('incr','a') redis.call('set','b','2') redis.call('set','c','3')\" 0");
    assert_eq!(server.log.len(), records + 1);
    let text = String::from_utf8_lossy(&server.log[records].payload).into_owned();
    assert!(text.contains("MULTI") && text.contains("EXEC") && !text.contains("EVAL"), "{text}");
}

#[test]
fn functions_are_in_the_log_and_in_the_store() {
    let load =
        "FUNCTION LOAD \"#!lua name=lib\\nredis.register_function('f', function(k, a) return a[1] end)\"";
    let mut server = MiniServer::new(2);
    assert_eq!(server.ask(load), "\"lib\"");
    assert_eq!(server.ask("FCALL F 0 x"), "\"x\"");
    let log = server.log.clone();
    let mut replayed = MiniServer::open(MemoryEngine::new(), 3, log);
    assert_eq!(replayed.ask("FCALL f 0 y"), "\"y\"");
    server.ask("FLUSHALL");
    server.write_behind();
    let mut reopened = MiniServer::open(server.engine.fork(), 1, server.log.clone());
    assert_eq!(reopened.ask("FCALL f 0 z"), "\"z\"");
    assert_eq!(reopened.ask("FUNCTION DELETE lib"), "OK");
    assert_eq!(reopened.ask("FCALL f 0 z"), "(error) ERR Function not found");
}

#[test]
fn only_values_of_the_right_kind_are_replies_of_their_own() {
    check(
        "EVAL \"return {err=2}\" 0\nEVAL \"return {ok=1}\" 0\nEVAL \"return {big_number=1}\" 0\n\
         EVAL \"return {double='x'}\" 0\nEVAL \"return {map=1}\" 0\nEVAL \"return {verbatim_string='x'}\" 0\n\
         EVAL \"return {0/0, 1e300, -1e300, 2^53}\" 0",
        "(empty array)\n(empty array)\n(empty array)\n(empty array)\n(empty array)\n(empty array)\n\
         1) (integer) -9223372036854775808\n2) (integer) -9223372036854775808\n\
         3) (integer) -9223372036854775808\n4) (integer) 9007199254740992",
    );
}
