use super::*;

const SETS: &str = "ZADD x 1 a 2 b 3 c\nZADD y 1 b 2 c 3 d\n";

#[track_caller]
fn with_sets(script: &str, expected: &str) {
    check(&format!("{SETS}{script}"), &format!("(integer) 3\n(integer) 3\n{expected}"));
}

#[test]
fn unions_intersections_and_differences() {
    with_sets(
        "ZUNION 2 x y WITHSCORES\nZINTER 2 x y WITHSCORES\nZDIFF 2 x y WITHSCORES\nZUNION 1 none\nZINTER 2 x none\n\
         ZDIFF 2 none x\nZDIFF 2 x x\nZINTER 2 x x WITHSCORES\nZINTERCARD 2 x y\nZINTERCARD 2 x y LIMIT 1\nZINTERCARD 2 x y LIMIT 0",
        r#"1) "a"
2) "1"
3) "b"
4) "3"
5) "d"
6) "3"
7) "c"
8) "5"
1) "b"
2) "3"
3) "c"
4) "5"
1) "a"
2) "1"
(empty array)
(empty array)
(empty array)
(empty array)
1) "a"
2) "2"
3) "b"
4) "4"
5) "c"
6) "6"
(integer) 2
(integer) 1
(integer) 2"#,
    );
}

#[test]
fn weights_and_aggregates() {
    with_sets(
        "ZINTER 2 x y WEIGHTS 2 3 WITHSCORES\nZINTER 2 x y WEIGHTS 1 10 AGGREGATE MIN WITHSCORES\n\
         ZINTER 2 x y AGGREGATE max WITHSCORES\nZADD p inf k\nZADD n -inf k\nZUNION 2 p n WITHSCORES\n\
         ZINTER 2 p n WITHSCORES\nZUNION 1 p WEIGHTS 0 WITHSCORES\nZUNION 2 p n AGGREGATE MIN WITHSCORES",
        r#"1) "b"
2) "7"
3) "c"
4) "12"
1) "b"
2) "2"
3) "c"
4) "3"
1) "b"
2) "2"
3) "c"
4) "3"
(integer) 1
(integer) 1
1) "k"
2) "0"
1) "k"
2) "0"
1) "k"
2) "0"
1) "k"
2) "-inf""#,
    );
}

#[test]
fn what_is_combined_is_stored() {
    with_sets(
        "SET s x EX 100\nZUNIONSTORE s 2 x y\nTTL s\nZRANGE s 0 -1\nZINTERSTORE s 2 s y WEIGHTS 1 0\nZRANGE s 0 -1 WITHSCORES\n\
         ZDIFFSTORE s 2 x y\nZRANGE s 0 -1\nZDIFFSTORE s 2 x x\nEXISTS s\nZINTERSTORE x 2 x none\nEXISTS x",
        r#"OK
(integer) 4
(integer) -1
1) "a"
2) "b"
3) "d"
4) "c"
(integer) 3
1) "b"
2) "3"
3) "d"
4) "3"
5) "c"
6) "5"
(integer) 1
1) "a"
(integer) 0
(integer) 0
(integer) 0
(integer) 0"#,
    );
}

#[test]
fn errors_are_those_of_redis() {
    let names = ["zunion", "zinter", "zdiff", "zintercard"];
    let mut script: Vec<String> = names.iter().map(|name| format!("{name} 0 x")).collect();
    let mut expected: Vec<String> = names
        .iter()
        .chain(&["zunionstore", "zinterstore", "zdiffstore"])
        .map(|name| format!("(error) ERR at least 1 input key is needed for '{name}' command"))
        .collect();
    script.extend(["zunionstore", "zinterstore", "zdiffstore"].map(|name| format!("{name} d -1 x")));
    for (line, error) in [
        ("ZUNION x x", "value is not an integer or out of range"),
        ("ZUNION 3 x y", "syntax error"),
        ("ZUNION 2 x y WEIGHTS 1", "syntax error"),
        ("ZUNION 2 x y WEIGHTS 1 x", "weight value is not a float"),
        ("ZUNION 2 x y WEIGHTS nan 1", "weight value is not a float"),
        ("ZUNION 2 x y AGGREGATE avg", "syntax error"),
        ("ZDIFF 2 x y WEIGHTS 1 2", "syntax error"),
        ("ZDIFF 2 x y AGGREGATE sum", "syntax error"),
        ("ZUNIONSTORE d 2 x y WITHSCORES", "syntax error"),
        ("ZINTERCARD 2 x y WITHSCORES", "syntax error"),
        ("ZINTERCARD 2 x y LIMIT", "syntax error"),
        ("ZINTERCARD 2 x y LIMIT -1", "LIMIT can't be negative"),
        ("ZINTERCARD 2 x y LIMIT a", "LIMIT can't be negative"),
        ("ZUNION 1 x LIMIT 1", "syntax error"),
    ] {
        script.push(line.into());
        expected.push(format!("(error) ERR {error}"));
    }
    with_sets(&script.join("\n"), &expected.join("\n"));
}

#[test]
fn big_ones_are_combined_as_small_ones() {
    for cold in [false, true] {
        let mut server = with_members(1, 3000);
        server.ask("ZADD few 1 m5 1 m2000 1 none");
        for (line, reply) in [
            ("ZINTER 2 z few WITHSCORES", "1) \"m5\"\n2) \"6\"\n3) \"m2000\"\n4) \"2001\""),
            ("ZDIFF 2 few z", "1) \"none\""),
            ("ZINTERCARD 2 z z", "(integer) 3000"),
            ("ZUNIONSTORE all 2 z few WEIGHTS 2 1", "(integer) 3001"),
            ("ZRANGE all -1 -1 WITHSCORES", "1) \"m2999\"\n2) \"5998\""),
            ("ZSCORE all m2000", "\"4001\""),
            ("ZRANK all m2999", "(integer) 3000"),
            ("ZRANGESTORE most z 0 1999", "(integer) 2000"),
            ("ZDIFFSTORE all 2 all most", "(integer) 1001"),
            ("ZRANGE all 0 1", "1) \"none\"\n2) \"m2000\""),
        ] {
            if cold {
                cool(&mut server);
            }
            assert_eq!(server.ask(line), reply, "{line}, cold: {cold}");
        }
    }
}
