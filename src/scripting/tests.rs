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

#[test]
fn errors_of_the_string_library_name_the_function_and_the_place() {
    let mut server = MiniServer::new(1);
    for (text, expected) in [
        ("string.find({}, 'x')", "bad argument #1 to 'find' (string expected, got table)"),
        ("string.find('x')", "bad argument #2 to 'find' (string expected, got nil)"),
        ("string.find('x', 'x', {})", "bad argument #3 to 'find' (number expected, got table)"),
        ("string.match('x', '%')", "malformed pattern (ends with '%')"),
        ("string.gmatch('x')", "bad argument #2 to 'gmatch' (string expected, got nil)"),
        ("string.gsub('x', 'x', '%2')", "invalid capture index"),
        ("string.gsub('x', '(x', '%1')", "unfinished capture"),
        ("string.gsub('x', 'x', function() return {} end)", "invalid replacement value (a table)"),
        ("string.gsub('x', 'x', function() error('mine') end)", "mine"),
    ] {
        let reply = server.ask(&format!("EVAL \"{text} return 1\" 0"));
        assert!(
            reply.starts_with(&format!("(error) ERR user_script:1: {expected} script: ")),
            "{text}: {reply}"
        );
    }
    for (text, expected) in [
        ("string.find('hello', 'l')", "(integer) 3"),
        ("string.find('a.b', '.', 1, true)", "(integer) 2"),
        ("('x=1, y=2'):gsub('(%w+)=(%w+)', '%2=%1')", "\"1=x, 2=y\""),
        ("string.gsub('abc', '%w', {a = 'x'})", "\"xbc\""),
        ("string.gsub('abc', '%w', string.upper)", "\"ABC\""),
        ("string.match(12345, '3(.)')", "\"4\""),
        ("(string.gsub('aaa', 'a', 'b', 2))", "\"bba\""),
        ("tostring(pcall(string.rep))", "\"false\""),
    ] {
        assert_eq!(server.ask(&format!("EVAL \"return {text}\" 0")), expected, "{text}");
    }
}

#[test]
fn what_takes_long_in_one_function_runs_elsewhere_and_ends_as_it_would_here() {
    let mut server = MiniServer::new(2);
    for (text, expected) in [
        ("return tostring(string.find(string.rep('a', 3000), '.-b'))", "\"nil\""),
        // Nobody goes on behind what was given up.
        ("local ok = pcall(string.find, string.rep('a', 3000), '.-b') return tostring(ok)", "\"true\""),
        ("return #string.rep('x', 5000000)", "(integer) 5000000"),
        ("local ok, s = pcall(string.rep, 'x', 50000000) return #s", "(integer) 50000000"),
    ] {
        let before = server.waits;
        assert_eq!(server.ask(&format!("EVAL \"{text}\" 1 key")), expected, "{text}");
        assert_eq!(server.waits, before + 1, "{text}");
    }
    let before = server.waits;
    assert_eq!(server.ask("EVAL \"return string.rep('x', 1000):find('y')\" 1 key"), "(nil)");
    assert_eq!(server.waits, before, "a text of a thousand bytes is searched at once");
}

#[test]
fn a_command_takes_nearly_as_many_words_as_unpack_gives() {
    let text =
        "local t = {} for i = 1, ARGV[1] do t[i] = i end return redis.call('rpush', KEYS[1], unpack(t))";
    let mut server = MiniServer::new(1);
    for (count, expected) in [("3999", 3999), ("4001", 8000), ("7900", 15_900)] {
        assert_eq!(server.ask(&format!("EVAL \"{text}\" 1 list {count}")), format!("(integer) {expected}"));
    }
    assert_eq!(server.ask("LRANGE list -2 -1"), "1) \"7899\"\n2) \"7900\"");
    // An argument that is none leaves no words behind.
    let bad = "local t = {} for i = 1, 5000 do t[i] = i end t[4500] = {} return redis.pcall('rpush', KEYS[1], unpack(t)).err";
    assert_eq!(
        server.ask(&format!("EVAL \"{bad}\" 1 list")),
        "\"ERR Lua redis lib command arguments must be strings or integers\""
    );
    assert_eq!(server.ask("EVAL \"return redis.call('llen', KEYS[1])\" 1 list"), "(integer) 15900");
}

#[test]
fn all_errors_of_a_command_are_caught_alike() {
    let digest =
        String::from_utf8_lossy(&super::cache::digest(b"return redis.call('incr', KEYS[1])")).into_owned();
    let reason = "ERR value is not an integer or out of range";
    check(
        "SET k x\n\
         EVAL \"return redis.call('incr', KEYS[1])\" 1 k\n\
         EVAL \"return redis.pcall('incr', KEYS[1])\" 1 k\n\
         EVAL \"local ok, why = pcall(redis.call, 'incr', KEYS[1]) return {tostring(ok), type(why), tostring(why)}\" 1 k\n\
         EVAL \"local ok, why = xpcall(function() return redis.call('incr', KEYS[1]) end, function(e) return e end) return \
         {tostring(ok), type(why), why.err}\" 1 k\n\
         EVAL \"local ok, why = coroutine.resume(coroutine.create(function() redis.call('incr', KEYS[1]) end)) return \
         {tostring(ok), why.err}\" 1 k\n\
         EVAL \"return redis.call()\" 0\n\
         EVAL \"return tostring(redis.acl_check_cmd('get', 'x'))\" 0",
        &format!(
            "OK\n\
             (error) {reason} script: {digest}, on @user_script:1.\n\
             (error) {reason}\n\
             1) \"false\"\n2) \"string\"\n3) \"{reason}\"\n\
             1) \"false\"\n2) \"table\"\n3) \"{reason}\"\n\
             1) \"false\"\n2) \"{reason}\"\n\
             (error) ERR Please specify at least one argument for this redis lib call script: {}, on @user_script:1.\n\
             \"true\"",
            String::from_utf8_lossy(&super::cache::digest(b"return redis.call()"))
        ),
    );
}

#[test]
fn a_script_that_ran_out_of_memory_leaves_none_of_its_garbage_to_the_next() {
    let mut server = MiniServer::new(1);
    let text = "local t = {} while true do t[#t + 1] = string.rep('x', 1000000) .. #t end";
    assert!(server.ask(&format!("EVAL \"{text}\" 0")).contains("not enough memory"));
    assert_eq!(server.ask("EVAL \"return #string.rep('x', 60000000)\" 0"), "(integer) 60000000");
}

/// Scripts are kept by code of Lua, which the hook interrupts as it does any other.
#[test]
fn a_run_that_was_given_up_does_not_end_what_comes_behind_it() {
    let cache = super::cache::Cache::default();
    super::interpreter::with(|interpreter| {
        for number in 0..5000 {
            interpreter.limits.give_up(super::interpreter::GivenUp::Budget);
            let text = format!("return {number}");
            assert_eq!(interpreter.script(&cache, text.as_bytes(), false).map(drop), Ok(()), "{text}");
        }
    });
}
