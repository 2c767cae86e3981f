use super::*;

#[test]
fn ranges_of_ranks() {
    check(
        "ZADD z 1 a 2 b 3 c 4 d\nZRANGE z 0 -1\nZRANGE z 1 -2 WITHSCORES\nZRANGE z -2 9 REV\nZRANGE z 5 9\nZRANGE z 0 -5\n\
         ZREVRANGE z 0 1 WITHSCORES\nZREVRANGE z -1 -1\nZRANGE none 0 -1\nZRANGE z 0 -1 LIMIT 0 -1\nZRANGE z -99 0",
        r#"(integer) 4
1) "a"
2) "b"
3) "c"
4) "d"
1) "b"
2) "2"
3) "c"
4) "3"
1) "b"
2) "a"
(empty array)
(empty array)
1) "d"
2) "4"
3) "c"
4) "3"
1) "a"
(empty array)
1) "a"
2) "b"
3) "c"
4) "d"
1) "a""#,
    );
}

#[test]
fn ranges_of_scores() {
    check(
        "ZADD z -inf a 1 b 2 c 2 d 3 e inf f\nZRANGEBYSCORE z 1 2\nZRANGEBYSCORE z (1 (3 WITHSCORES\n\
         ZRANGEBYSCORE z -inf +inf LIMIT 1 2\nZRANGEBYSCORE z -inf +inf LIMIT 4 -1\nZRANGEBYSCORE z -inf +inf LIMIT -1 2\n\
         ZRANGEBYSCORE z (inf inf\nZRANGEBYSCORE z 3 1\nZREVRANGEBYSCORE z 3 (2\nZREVRANGEBYSCORE z inf -inf LIMIT 1 2\n\
         ZRANGE z 3 2 BYSCORE REV\nZRANGE z 2 3 BYSCORE LIMIT 1 1 WITHSCORES\nZCOUNT z -inf inf\nZCOUNT z (2 inf\n\
         ZCOUNT z 2 2\nZCOUNT z (2 2\nZCOUNT none 0 1\nZRANGEBYSCORE z 1 2 LIMIT 0 0",
        r#"(integer) 6
1) "b"
2) "c"
3) "d"
1) "c"
2) "2"
3) "d"
4) "2"
1) "b"
2) "c"
1) "e"
2) "f"
(empty array)
(empty array)
(empty array)
1) "e"
1) "e"
2) "d"
1) "e"
2) "d"
3) "c"
1) "d"
2) "2"
(integer) 6
(integer) 2
(integer) 2
(integer) 0
(integer) 0
(empty array)"#,
    );
}

#[test]
fn ranges_of_members() {
    check(
        "ZADD z 0 alpha 0 bar 0 cool 0 down\nZRANGEBYLEX z - [cool\nZRANGEBYLEX z (bar + LIMIT 1 9\nZRANGEBYLEX z + -\n\
         ZREVRANGEBYLEX z (down [bar\nZRANGE z + - BYLEX REV LIMIT 0 1\nZRANGE z [b (c BYLEX\nZLEXCOUNT z - +\n\
         ZLEXCOUNT z [bar (cool\nZLEXCOUNT z [x [y\nZLEXCOUNT none - +\nZREMRANGEBYLEX z [b [c\nZREMRANGEBYLEX z - +\n\
         EXISTS z",
        r#"(integer) 4
1) "alpha"
2) "bar"
3) "cool"
1) "down"
(empty array)
1) "cool"
2) "bar"
1) "down"
1) "bar"
(integer) 4
(integer) 1
(integer) 0
(integer) 0
(integer) 1
(integer) 3
(integer) 0"#,
    );
}

#[test]
fn ranges_of_members_with_different_scores_are_those_of_redis_s_compact_form() {
    check(
        "ZADD z 1 d 2 b 3 c 4 a\nZRANGEBYLEX z - +\nZRANGEBYLEX z [c +\nZRANGEBYLEX z [a [c\nZREVRANGEBYLEX z [c [a\n\
         ZRANGEBYLEX z [b [d\nZLEXCOUNT z [a [d",
        r#"(integer) 4
1) "d"
2) "b"
3) "c"
4) "a"
(empty array)
(empty array)
(empty array)
(empty array)
(integer) 4"#,
    );
}

#[test]
fn ends_and_options_are_checked_before_the_key() {
    let float = "(error) ERR min or max is not a float\n";
    let lex = "(error) ERR min or max not valid string range item\n";
    let integer = "(error) ERR value is not an integer or out of range\n";
    let syntax = "(error) ERR syntax error\n";
    check(
        "SET s x\nZRANGEBYSCORE s str 1\nZRANGEBYSCORE s 1 NaN\nZCOUNT s 1 \"1 \"\nZREMRANGEBYSCORE s ((1 1\n\
         ZRANGEBYLEX s foo [bar\nZLEXCOUNT s [a \"\"\nZREMRANGEBYLEX s -x +\nZRANGE s - +x BYLEX\n\
         ZRANGE s x 1\nZRANGE s 0 9223372036854775808\nZRANGEBYSCORE s 0 1 LIMIT x 1\nZREMRANGEBYRANK s 0 x\n\
         ZRANGE s 0 1 FOO\nZRANGEBYSCORE s 0 1 LIMIT 1\nZREVRANGE s 0 1 REV\nZRANGEBYLEX s - + BYSCORE\nZRANGE s 0 1 REV REV\n\
         ZRANGE s 0 1 BYLEX BYSCORE\nZRANGESTORE d s 0 1 WITHSCORES\nZRANGE s 0 1 LIMIT 1 2\nZREVRANGE s 0 1 LIMIT 0 1\n\
         ZRANGE s - + BYLEX WITHSCORES\nZRANGEBYLEX s - + WITHSCORES",
        &format!(
            "OK\n{}{}{}{}{}{}",
            float.repeat(4),
            lex.repeat(4),
            integer.repeat(4),
            syntax.repeat(7),
            "(error) ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX\n"
                .repeat(2),
            "(error) ERR syntax error, WITHSCORES not supported in combination with BYLEX\n".repeat(2),
        ),
    );
}

#[test]
fn ranges_are_stored() {
    check(
        "ZADD z 1 a 2 b 3 c 4 d\nSET d x EX 100\nZRANGESTORE d z 1 2\nZRANGE d 0 -1 WITHSCORES\nTTL d\n\
         ZRANGESTORE d z (1 +inf BYSCORE LIMIT 0 1\nZRANGE d 0 -1\nZRANGESTORE d z 0 0 REV\nZRANGE d 0 -1\n\
         ZRANGESTORE z z -2 -1\nZRANGE z 0 -1\nZRANGESTORE d z 5 9\nEXISTS d\nZRANGESTORE d none 0 -1\n\
         ZRANGESTORE z z - [c BYLEX\nZRANGE z 0 -1 WITHSCORES",
        r#"(integer) 4
OK
(integer) 2
1) "b"
2) "2"
3) "c"
4) "3"
(integer) -1
(integer) 1
1) "b"
(integer) 1
1) "d"
(integer) 2
1) "c"
2) "d"
(integer) 0
(integer) 0
(integer) 0
(integer) 1
1) "c"
2) "3""#,
    );
}
