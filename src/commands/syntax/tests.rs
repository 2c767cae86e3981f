use super::*;

/// A short form: `name:type`, then the token in quotes, then ?, * and ** for the flags, then what is inside.
fn short(arguments: &[Argument]) -> String {
    let one = |argument: &Argument| {
        let token = argument.token.as_ref().map(|token| format!("'{token}'")).unwrap_or_default();
        let inside = match argument.arguments.len() {
            0 => String::new(),
            _ => format!("({})", short(&argument.arguments)),
        };
        let optional = if argument.optional { "?" } else { "" };
        let multiple = match (argument.multiple, argument.multiple_token) {
            (true, true) => "**",
            (true, false) => "*",
            _ => "",
        };
        format!("{}:{}{token}{optional}{multiple}{inside}", argument.name, argument.kind.name())
    };
    arguments.iter().map(one).collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn check(notation: &str, expected: &str) {
    assert_eq!(short(&parse(notation).unwrap_or_else(|error| panic!("{notation}: {error}"))), expected);
}

#[test]
fn values_have_the_types_of_their_names() {
    check("key value", "key:key value:string");
    check("key increment:double", "key:key increment:double");
    check("ip:port", "ip:port:string");
    check("key seconds", "key:key seconds:integer");
    check("key unix-time-seconds", "key:key unix-time-seconds:unix-time");
    check("", "");
}

#[test]
fn tokens_announce_what_follows() {
    check("[MATCH pattern] [COUNT count]", "pattern:pattern'MATCH'? count:integer'COUNT'?");
    check("[LIMIT offset count]", "limit:block'LIMIT'?(offset:integer count:integer)");
    check("STREAMS key [key ...] id [id ...]", "streams:block'STREAMS'(key:key* id:string*)");
    check("[ID client-id [client-id ...]]", "client-id:integer'ID'?*");
    check("NO ONE", "no:pure-token'NO' one:pure-token'ONE'");
    check("[AGGREGATE <SUM | MIN>]", "sum_min:oneof'AGGREGATE'?(sum:pure-token'SUM' min:pure-token'MIN')");
}

#[test]
fn choices_and_options() {
    check("[NX | XX]", "nx_xx:oneof?(nx:pure-token'NX' xx:pure-token'XX')");
    check("[<NX | XX>]", "nx_xx:oneof?(nx:pure-token'NX' xx:pure-token'XX')");
    check(
        "<MAXLEN | MINID> [= | ~] threshold",
        "maxlen_minid:oneof(maxlen:pure-token'MAXLEN' minid:pure-token'MINID') \
         equal_approximately:oneof?(equal:pure-token'=' approximately:pure-token'~') threshold:string",
    );
    check(
        "<host port | NO ONE>",
        "host_port_no_one:oneof(host_port:block(host:string port:integer) \
         no_one:block(no:pure-token'NO' one:pure-token'ONE'))",
    );
    check(
        "[protover [AUTH username password] [SETNAME clientname]]",
        "protover_auth_clientname:block?(protover:integer auth:block'AUTH'?(username:string password:string) \
         clientname:string'SETNAME'?)",
    );
}

#[test]
fn repetitions() {
    check("key [key ...]", "key:key*");
    check("[section ...]", "section:string?*");
    check("key field value [field value ...]", "key:key field_value:block*(field:string value:string)");
    check("[GET pattern [GET pattern ...]]", "pattern:pattern'GET'?**");
    check("numkeys key [key ...]", "numkeys:integer key:key*");
    check("FIELDS numfields field [field ...]", "fields:block'FIELDS'(numfields:integer field:string*)");
    check("<a | b> [<a | b> ...]", "a_b:oneof*(a:string b:string)");
}

#[test]
fn broken_notations_are_refused() {
    for notation in ["[a", "a]", "<a | b", "[a | b ...]", "a ...", "a | b"] {
        assert!(parse(notation).is_err(), "{notation}");
    }
}

#[test]
fn bounds_count_words() {
    let of = |notation: &str| bounds(&parse(notation).expect("sound"));
    assert_eq!(of("key"), (1, false));
    assert_eq!(of("key value [NX]"), (2, true));
    assert_eq!(of("key field value [field value ...]"), (3, true));
    assert_eq!(of("NO ONE"), (2, false));
    assert_eq!(of("<host port | NO ONE>"), (2, false));
    assert_eq!(of("<ON | OFF>"), (1, false));
    assert_eq!(of("FIELDS numfields field [field ...]"), (3, true));
}

#[test]
fn people_see_no_types() {
    assert_eq!(display("key  [x:double] [ADDR ip:port] <a:string | ~>"), "key [x] [ADDR ip:port] <a | ~>");
}
