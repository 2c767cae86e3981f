use super::check_size;
use crate::testing::{MiniServer, check};

#[test]
fn lcs_in_all_forms() {
    check(
        "MSET a ohmytext b mynewtext\nLCS a b\nLCS a b LEN\nLCS a b IDX\nLCS a b IDX MINMATCHLEN 4\n\
         LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN\nLCS a b WITHMATCHLEN MINMATCHLEN 9",
        r#"
OK
"mytext"
(integer) 6
1) "matches"
2) 1) 1) 1) (integer) 4
         2) (integer) 7
      2) 1) (integer) 5
         2) (integer) 8
   2) 1) 1) (integer) 2
         2) (integer) 3
      2) 1) (integer) 0
         2) (integer) 1
3) "len"
4) (integer) 6
1) "matches"
2) 1) 1) 1) (integer) 4
         2) (integer) 7
      2) 1) (integer) 5
         2) (integer) 8
3) "len"
4) (integer) 6
1) "matches"
2) 1) 1) 1) (integer) 4
         2) (integer) 7
      2) 1) (integer) 5
         2) (integer) 8
      3) (integer) 4
3) "len"
4) (integer) 6
"mytext"
"#,
    );
}

#[test]
fn lcs_of_little_and_errors() {
    check(
        "LCS a b\nLCS a b LEN\nLCS a b IDX WITHMATCHLEN\nSET a x\nLCS a b LEN\nLCS a a\nLCS a b LEN IDX\nLCS a b nonsense\n\
         LCS a b MINMATCHLEN\nLCS a b MINMATCHLEN abc\nLCS a a MINMATCHLEN -9223372036854775808 LEN\n\
         LCS a a IDX MINMATCHLEN 9223372036854775807\nHSET h f v\nLCS a h\nLCS h a nonsense\nLCS a",
        r#"
""
(integer) 0
1) "matches"
2) (empty array)
3) "len"
4) (integer) 0
OK
(integer) 0
"x"
(error) ERR If you want both the length and indexes, please just use IDX.
(error) ERR syntax error
(error) ERR syntax error
(error) ERR value is not an integer or out of range
(integer) 1
1) "matches"
2) (empty array)
3) "len"
4) (integer) 1
(integer) 1
(error) ERR The specified keys must contain string values
(error) ERR The specified keys must contain string values
(error) ERR wrong number of arguments for 'lcs' command
"#,
    );
}

#[test]
fn lcs_of_what_is_too_long_is_refused() {
    let mut server = MiniServer::new(1);
    server.settings.max_bulk_len = 4 * 11 * 11;
    server.ask("MSET a 0123456789 b 01234567890");
    assert_eq!(server.ask("LCS a a LEN"), "(integer) 10");
    assert_eq!(
        server.ask("LCS a b LEN"),
        "(error) ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"
    );
    assert!(check_size(0, 0, 3).is_err());
}
