use super::*;

#[test]
fn members_are_taken_from_both_ends() {
    check(
        "ZADD z 1 a 2 b 3 c 4 d 5 e\nZPOPMIN z\nZPOPMAX z\nZPOPMIN z 0\nZPOPMAX z 2\nZPOPMIN none\nZPOPMIN none 3\n\
         ZPOPMIN z 99\nEXISTS z",
        r#"(integer) 5
1) "a"
2) "1"
1) "e"
2) "5"
(empty array)
1) "d"
2) "4"
3) "c"
4) "3"
(empty array)
(empty array)
1) "b"
2) "2"
(integer) 0"#,
    );
}

#[test]
fn the_first_key_with_members_gives_them() {
    check(
        "ZADD z 1 a 2 b 3 c 4 d\nZMPOP 2 none z MIN\nZMPOP 2 none z MAX COUNT 2\nZMPOP 1 none MIN\nBZPOPMIN none z 0\n\
         ZADD z 1 a 2 b 3 c\nBZPOPMAX z none 0.5\nBZMPOP 0 2 none z MAX COUNT 9\nEXISTS z\nBZPOPMIN none 0.1\nBZMPOP 1 1 none MIN",
        r#"(integer) 4
1) "z"
2) 1) 1) "a"
      2) "1"
1) "z"
2) 1) 1) "d"
      2) "4"
   2) 1) "c"
      2) "3"
(nil)
1) "z"
2) "b"
3) "2"
(integer) 3
1) "z"
2) "c"
3) "3"
1) "z"
2) 1) 1) "b"
      2) "2"
   2) 1) "a"
      2) "1"
(integer) 0
(nil)
(nil)"#,
    );
}

#[test]
fn errors_are_those_of_redis() {
    let positive = "(error) ERR value is out of range, must be positive\n";
    let syntax = "(error) ERR syntax error\n";
    let wrong = "(error) WRONGTYPE Operation against a key holding the wrong kind of value\n";
    check(
        "SET s x\nZADD z 1 a\nZPOPMIN s -1\nZPOPMAX z x\nZPOPMIN z 1 2\nZMPOP 0 z MIN\nZMPOP a z MIN\nZMPOP 1 z x\n\
         ZMPOP 1 z MIN x\nZMPOP 1 z COUNT\nZMPOP 1 z MAX COUNT 1 COUNT 2\nZMPOP 2 z MIN\nZMPOP 1 z MIN COUNT 0\n\
         ZMPOP 9223372036854775807 z MIN\nBZPOPMIN s x\nBZPOPMIN s -1\nBZPOPMIN s 1e30\nBZMPOP x 1 s x\nBZMPOP x 1 s MIN\n\
         BZPOPMIN none s 0\nBZMPOP 0 2 none s MIN\nBZPOPMIN z s 0",
        &format!(
            "OK\n(integer) 1\n{positive}{positive}{syntax}{}{}(error) ERR count should be greater than 0\n{syntax}\
             (error) ERR timeout is not a float or out of range\n(error) ERR timeout is negative\n\
             (error) ERR timeout is out of range\n{syntax}(error) ERR timeout is not a float or out of range\n\
             {wrong}{wrong}1) \"z\"\n2) \"a\"\n3) \"1\"",
            "(error) ERR numkeys should be greater than 0\n".repeat(2),
            syntax.repeat(5),
        ),
    );
}

#[test]
fn whoever_finds_nothing_waits_for_the_keys() {
    use crate::commands::execute::{Environment, Halt, execute};
    use crate::commands::{Args, table};
    use crate::keyspace::transaction::{Block, Otherwise, Reach, Source};
    for (line, timeout_ms) in [
        ("BZPOPMIN a b 0", None),
        ("BZPOPMAX a b 0.0001", Some(1)),
        ("BZMPOP 1.5 2 a b MIN COUNT 2", Some(1500)),
    ] {
        let mut server = MiniServer::new(1);
        let mut ranges = Vec::new();
        for word in line.split(' ') {
            let start = word.as_ptr() as usize - line.as_ptr() as usize;
            ranges.push((start as u32, (start + word.len()) as u32));
        }
        let args = Args::new(line.as_bytes(), &ranges);
        let settings = server.settings.clone();
        let environment = Environment::of_nobody(server.now_ms, &settings, 0);
        let command = table::find(args.word(0)).unwrap();
        let mut reply = crate::resp::Reply::new(Protocol::Resp2);
        let source = Source::One(&mut server.partitions[0]);
        let halted = execute(command, args, source, Reach::SERVING, environment, &mut reply);
        let keys = vec![b"a".to_vec(), b"b".to_vec()];
        let expected = Block { keys, timeout_ms, retry: None, otherwise: Otherwise::NullArray };
        assert!(matches!(halted, Err(Halt::Block(block)) if *block == expected), "{line}");
        assert!(reply.is_empty());
    }
}
