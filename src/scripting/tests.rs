//! Scripts as clients see them.

use crate::testing::check;

#[test]
fn a_script_computes_and_answers() {
    check(
        "EVAL \"return 'hello'\" 0\nEVAL \"return {1,2,'x',{3}}\" 0\nEVAL \"return 3.99\" 0\nEVAL \"return KEYS[1]..ARGV[1]\" 1 a b",
        "\"hello\"\n1) (integer) 1\n2) (integer) 2\n3) \"x\"\n4) 1) (integer) 3\n(integer) 3\n\"ab\"",
    );
}
