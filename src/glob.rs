//! Glob patterns as KEYS, SCAN, PSUBSCRIBE and CONFIG GET use them.
//!
//! `?` is any byte, `*` any number of bytes, `[abc]`, `[a-z]` and `[^a]` one byte of a class, and `\` takes the special
//! meaning from the next byte. Patterns are bytes, not characters.
//!
//! Redis's corner cases hold: a class that is not closed ends with the pattern; `]` always closes it, so `[]` matches
//! nothing; in `[a-]` the range runs to `]`; an escaped byte in a class is compared with its case; and an empty text
//! is matched by the empty pattern only, not by `*`. Ranges compare bytes as numbers from 0 to 255.

/// Whether `pattern` matches the whole of `text`; with `nocase`, ASCII letters match in either case.
///
/// The work is at most the product of the two lengths: after a mismatch only the last `*` is tried again, which is
/// enough, since what follows it takes one byte each.
pub fn glob_match(pattern: &[u8], text: &[u8], nocase: bool) -> bool {
    if text.is_empty() {
        return pattern.is_empty();
    }
    let (mut p, mut t) = (0, 0);
    // Where to go on after the last `*`, and the text position that it was tried with.
    let mut star = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            p += 1;
            if p == pattern.len() {
                return true;
            }
            star = Some((p, t));
            continue;
        }
        let next = if p < pattern.len() { match_one(&pattern[p..], text[t], nocase) } else { None };
        match (next, star) {
            (Some(taken), _) => {
                p += taken;
                t += 1;
            }
            (None, Some((after, tried))) => {
                p = after;
                t = tried + 1;
                star = Some((after, t));
            }
            (None, None) => return false,
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

/// The bytes that each text starts with that `pattern` matches: those before the first special one, `nocase` apart.
pub fn literal_prefix(pattern: &[u8]) -> &[u8] {
    let end = pattern.iter().position(|byte| matches!(byte, b'*' | b'?' | b'[' | b'\\'));
    &pattern[..end.unwrap_or(pattern.len())]
}

/// Matches `byte` with the first element of `pattern`, which is not empty and does not start with `*`. Returns how
/// many bytes of the pattern the element has.
fn match_one(pattern: &[u8], byte: u8, nocase: bool) -> Option<usize> {
    match pattern {
        [b'?', ..] => Some(1),
        [b'[', ..] => match_class(pattern, byte, nocase),
        [b'\\', escaped, ..] => equal(*escaped, byte, nocase).then_some(2),
        [literal, ..] => equal(*literal, byte, nocase).then_some(1),
        [] => None,
    }
}

/// Matches `byte` with the class at the start of `pattern`.
fn match_class(pattern: &[u8], byte: u8, nocase: bool) -> Option<usize> {
    let negated = pattern.get(1) == Some(&b'^');
    let mut at = if negated { 2 } else { 1 };
    let mut found = false;
    loop {
        match &pattern[at..] {
            [] => break,
            [b'\\', escaped, ..] => {
                found |= *escaped == byte;
                at += 2;
            }
            [b']', ..] => {
                at += 1;
                break;
            }
            [low, b'-', high, ..] => {
                let (mut low, mut high) = (*low.min(high), *low.max(high));
                let mut byte = byte;
                if nocase {
                    low = low.to_ascii_lowercase();
                    high = high.to_ascii_lowercase();
                    byte = byte.to_ascii_lowercase();
                }
                found |= (low..=high).contains(&byte);
                at += 3;
            }
            [literal, ..] => {
                found |= equal(*literal, byte, nocase);
                at += 1;
            }
        }
    }
    (found != negated).then_some(at)
}

fn equal(a: u8, b: u8, nocase: bool) -> bool {
    a == b || (nocase && a.eq_ignore_ascii_case(&b))
}

#[cfg(test)]
mod tests {
    use super::{glob_match, literal_prefix};

    #[test]
    fn patterns_match_as_in_redis() {
        let table: &[(&str, &[&str], &[&str])] = &[
            ("abc", &["abc"], &["ab", "abcd", "ABC", ""]),
            ("a?c", &["abc", "a?c"], &["ac", "abbc"]),
            ("*", &["a", "abc"], &[""]),
            ("**", &["a"], &[""]),
            ("", &[""], &["a"]),
            ("a*", &["a", "ab"], &["b", ""]),
            ("a**", &["a", "abb"], &["b"]),
            ("*b", &["b", "ab", "bb"], &["ba"]),
            ("*a*b*", &["ab", "xaxbx", "aab"], &["ba", "a", "b"]),
            ("a*b?d", &["abcd", "abbbcd", "abxbcd"], &["abd"]),
            ("[abc]", &["a", "c"], &["d", "ab", "]"]),
            ("[^abc]", &["d", "^"], &["a"]),
            ("[a-c]x", &["ax", "bx", "cx"], &["dx", "-x"]),
            ("[c-a]", &["b"], &["d"]),
            ("[a^]", &["a", "^"], &["b"]),
            ("[]", &[], &["a", "]"]),
            ("[]a]", &[], &["a", "a]", "]"]),
            ("[^]", &["a"], &["ab"]),
            ("[^]a", &["xa"], &["x"]),
            ("[a", &["a"], &["b", "[a"]),
            ("[", &[], &["[", "a"]),
            ("[^", &["a"], &[""]),
            ("[a-", &["a", "-"], &["b"]),
            ("[a-]", &["a", "^", "]"], &["b", "-"]),
            ("[\\]]", &["]"], &["\\", "a"]),
            ("[a\\-c]", &["a", "-", "c"], &["b"]),
            ("[\\", &["\\"], &["a"]),
            ("\\*", &["*"], &["a", "\\*"]),
            ("a\\", &["a\\"], &["a"]),
            ("\\a", &["a"], &["\\a"]),
        ];
        for (pattern, matching, others) in table {
            for text in *matching {
                assert!(glob_match(pattern.as_bytes(), text.as_bytes(), false), "{pattern} {text}");
            }
            for text in *others {
                assert!(!glob_match(pattern.as_bytes(), text.as_bytes(), false), "{pattern} {text}");
            }
        }
    }

    #[test]
    fn case_is_ignored_on_demand_but_for_escapes_in_classes() {
        for (pattern, text) in [("AbC*", "aBcd"), ("[X]", "x"), ("[a-c]", "B"), ("\\A", "a"), ("[A-C]", "b")]
        {
            assert!(glob_match(pattern.as_bytes(), text.as_bytes(), true), "{pattern}");
            assert!(!glob_match(pattern.as_bytes(), text.as_bytes(), false), "{pattern}");
        }
        assert!(!glob_match(b"[\\A]", b"a", true));
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        let text = [b'a'; 5_000];
        let pattern = [b"a*".repeat(500), b"b".to_vec()].concat();
        assert!(!glob_match(&pattern, &text, false));
        assert!(glob_match(&b"a*".repeat(500), &text, false));
    }

    #[test]
    fn agrees_with_matching_by_definition() {
        // Each way to split the text at a `*` is tried, which is slow and plainly right.
        fn by_definition(pattern: &[u8], text: &[u8]) -> bool {
            match pattern {
                [] => text.is_empty(),
                [b'*', rest @ ..] => (0..=text.len()).any(|n| by_definition(rest, &text[n..])),
                [b'?', rest @ ..] => !text.is_empty() && by_definition(rest, &text[1..]),
                [b, rest @ ..] => text.first() == Some(b) && by_definition(rest, &text[1..]),
            }
        }
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..100_000 {
            let pattern: Vec<u8> = (0..random.usize(..8)).map(|_| b"aab*?"[random.usize(..5)]).collect();
            let text: Vec<u8> = (0..random.usize(1..8)).map(|_| b"ab"[random.usize(..2)]).collect();
            assert_eq!(
                glob_match(&pattern, &text, false),
                by_definition(&pattern, &text),
                "{pattern:?} {text:?}"
            );
        }
    }

    #[test]
    fn any_bytes_are_a_pattern() {
        let mut random = fastrand::Rng::with_seed(2);
        for _ in 0..100_000 {
            let pattern: Vec<u8> =
                (0..random.usize(..10)).map(|_| b"[]^-\\*?ab\xff"[random.usize(..10)]).collect();
            let text: Vec<u8> = (0..random.usize(..6)).map(|_| b"[]^-\\ab\xff"[random.usize(..8)]).collect();
            glob_match(&pattern, &text, random.bool());
        }
    }

    #[test]
    fn the_prefix_ends_before_the_first_special_byte() {
        for (pattern, prefix) in [
            ("", ""),
            ("user:1", "user:1"),
            ("user:*", "user:"),
            ("a?b", "a"),
            ("a[b]", "a"),
            ("a\\*", "a"),
            ("*a", ""),
        ] {
            assert_eq!(literal_prefix(pattern.as_bytes()), prefix.as_bytes());
        }
    }
}
