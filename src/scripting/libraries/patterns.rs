//! How much a Lua pattern may cost: C code matches it, and no hook looks meanwhile.

/// More single items that may be there or not than this may cost too much on any text.
const MOST_OPTIONAL: u32 = 8;

/// How a pattern's cost grows with the length n of a text: it takes at most about n choose (weight + 1) steps. `None` if
/// it is malformed, or this cannot be told.
///
/// Each item that may be repeated multiplies the ways in which a text can be cut, but for one at the end, behind which
/// nothing can fail; so does the place where a match begins.
pub(super) fn weight(pattern: &[u8]) -> Option<u32> {
    let anchored = pattern.first() == Some(&b'^');
    let mut rest = if anchored { &pattern[1..] } else { pattern };
    let (mut repeated, mut optional, mut open) = (0, 0, 0u32);
    while let Some((&first, behind)) = rest.split_first() {
        rest = match first {
            b'(' => {
                open += 1;
                behind
            }
            b')' => {
                open = open.checked_sub(1)?;
                behind
            }
            // What stands between a pair is counted through to the end of the text.
            b'%' if behind.first() == Some(&b'b') => {
                repeated += 1;
                behind.get(3..)?
            }
            // A border of a class has no length.
            b'%' if behind.first() == Some(&b'f') => {
                single(*behind.get(1).filter(|byte| **byte == b'[')?, &behind[2..])?
            }
            // What was captured before is as long as that.
            b'%' if behind.first().is_some_and(u8::is_ascii_digit) => {
                repeated += 1;
                &behind[1..]
            }
            _ => {
                let behind = single(first, behind)?;
                match behind.first() {
                    Some(b'*' | b'+' | b'-') => {
                        let behind = &behind[1..];
                        repeated += u32::from(behind.iter().any(|&byte| byte != b')'));
                        behind
                    }
                    Some(b'?') => {
                        optional += 1;
                        &behind[1..]
                    }
                    _ => behind,
                }
            }
        };
    }
    let is_known = open == 0 && optional <= MOST_OPTIONAL;
    is_known.then(|| if anchored { repeated.max(1) - 1 } else { repeated })
}

/// What stands behind an item for one byte, which begins with `first`.
fn single(first: u8, behind: &[u8]) -> Option<&[u8]> {
    match first {
        b'%' => behind.get(1..),
        b'[' => {
            let mut at = usize::from(behind.first() == Some(&b'^'));
            let begin = at;
            // A bracket that comes first is of the class.
            while at == begin || *behind.get(at)? != b']' {
                at += if *behind.get(at)? == b'%' { 2 } else { 1 };
            }
            behind.get(at + 1..)
        }
        _ => Some(behind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_cut_in_many_ways_weighs_more() {
        for (pattern, expected) in [
            ("abc", Some(0)),
            ("%d+", Some(0)),
            ("(%d+)", Some(0)),
            ("%d+%.", Some(1)),
            ("^%d+%.", Some(0)),
            ("^(%w+):(%w+)$", Some(1)),
            (".-.-.-b", Some(3)),
            ("[^,]*,[]%]*]-x", Some(2)),
            ("%bxy", Some(1)),
            ("a?b?c", Some(0)),
            ("a?a?a?a?a?a?a?a?a?", None),
            ("%f[%w]%w+", Some(0)),
            ("%fa", None),
            ("(a+)%1", Some(2)),
            ("%", None),
            ("[a", None),
            ("[]", None),
            ("[a%", None),
            ("(a", None),
            ("a)", None),
            ("%bx", None),
            ("", Some(0)),
        ] {
            assert_eq!(weight(pattern.as_bytes()), expected, "{pattern}");
        }
    }
}
