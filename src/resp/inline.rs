//! The words of an inline request: split at blanks, with two kinds of quotes.

/// Splits `line` into words. The decoded words are appended to `text`, one after the other, and their places in it to
/// `ranges`. Returns `None` if a quote is not closed, or if its end is not followed by a blank.
///
/// A quote may start anywhere in a word, and ends the word. In double quotes `\xHH` is the byte with that number,
/// `\n \r \t \b \a` are control characters, and a backslash makes any other byte stand for itself. In single quotes
/// only `\'` is special.
pub(super) fn split(line: &[u8], text: &mut Vec<u8>, ranges: &mut Vec<(u32, u32)>) -> Option<()> {
    let mut at = 0;
    loop {
        while line.get(at).is_some_and(|&byte| is_blank(byte)) {
            at += 1;
        }
        if at == line.len() {
            return Some(());
        }
        let start = text.len();
        at = word(line, at, text)?;
        ranges.push((start as u32, text.len() as u32));
    }
}

/// The words of a line, as an inline command and a configuration file are cut into words; `None` if quotes are not balanced.
pub fn split_words(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (mut text, mut ranges) = (Vec::new(), Vec::new());
    split(line, &mut text, &mut ranges)?;
    Some(ranges.iter().map(|&(start, end)| text[start as usize..end as usize].to_vec()).collect())
}

/// Decodes the word that starts at `at`; returns where it ends.
fn word(line: &[u8], mut at: usize, text: &mut Vec<u8>) -> Option<usize> {
    while let Some(&byte) = line.get(at) {
        at += 1;
        let end = match byte {
            b'"' => double_quoted(line, at, text)?,
            b'\'' => single_quoted(line, at, text)?,
            // Fewer bytes end a word than may stand between words: that is how Redis splits.
            b' ' | b'\n' | b'\r' | b'\t' => return Some(at),
            _ => {
                text.push(byte);
                continue;
            }
        };
        return line.get(end).is_none_or(|&byte| is_blank(byte)).then_some(end);
    }
    Some(at)
}

/// Decodes up to the closing quote; returns where it goes on after that.
fn double_quoted(line: &[u8], mut at: usize, text: &mut Vec<u8>) -> Option<usize> {
    loop {
        match line.get(at..)? {
            [b'\\', b'x', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                text.push(hex_digit(*high) << 4 | hex_digit(*low));
                at += 4;
            }
            [b'\\', escaped, ..] => {
                text.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 0x08,
                    b'a' => 0x07,
                    other => *other,
                });
                at += 2;
            }
            [b'"', ..] => return Some(at + 1),
            [byte, ..] => {
                text.push(*byte);
                at += 1;
            }
            [] => return None,
        }
    }
}

/// Decodes up to the closing quote; returns where it goes on after that.
fn single_quoted(line: &[u8], mut at: usize, text: &mut Vec<u8>) -> Option<usize> {
    loop {
        match line.get(at..)? {
            [b'\\', b'\'', ..] => {
                text.push(b'\'');
                at += 2;
            }
            [b'\'', ..] => return Some(at + 1),
            [byte, ..] => {
                text.push(*byte);
                at += 1;
            }
            [] => return None,
        }
    }
}

/// What C calls a space.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// The value of a hexadecimal digit.
fn hex_digit(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    fn words(line: &[u8]) -> Option<Vec<Vec<u8>>> {
        let (mut text, mut ranges) = (b"before".to_vec(), Vec::new());
        split(line, &mut text, &mut ranges)?;
        Some(ranges.iter().map(|&(start, end)| text[start as usize..end as usize].to_vec()).collect())
    }

    #[test]
    fn words_are_split_at_blanks() {
        assert_eq!(words(b"").unwrap(), Vec::<Vec<u8>>::new());
        assert_eq!(words(b" \t ").unwrap(), Vec::<Vec<u8>>::new());
        assert_eq!(words(b"  GET\t key  ").unwrap(), [&b"GET"[..], b"key"]);
        assert_eq!(words(b"\x0b\x0ca\x0bb").unwrap(), [b"a\x0bb"]);
        assert_eq!(words(b"a\0b c").unwrap(), [&b"a\0b"[..], b"c"]);
    }

    #[test]
    fn double_quotes_know_escapes() {
        assert_eq!(
            words(br#"SET "a b" "\x41\xfF\n\r\t\b\a\q\"\\""#).unwrap(),
            [&b"SET"[..], b"a b", b"A\xff\n\r\t\x08\x07q\"\\"]
        );
        assert_eq!(words(br#""\x4" "\xzz" """#).unwrap(), [&b"x4"[..], b"xzz", b""]);
    }

    #[test]
    fn single_quotes_know_only_the_quote() {
        assert_eq!(words(br"'a\'b' '\n' ''").unwrap(), [&b"a'b"[..], br"\n", b""]);
    }

    #[test]
    fn a_quote_within_a_word_ends_the_word() {
        assert_eq!(words(br#"foo"bar" x'y'"#).unwrap(), [&b"foobar"[..], b"xy"]);
    }

    #[test]
    fn quotes_must_be_closed_before_a_blank() {
        for line in [&br#""a"#[..], b"'a", br#""a"b"#, b"'a'b", br#""a\"#, b"'", br#"""""#] {
            assert_eq!(words(line), None, "{line:?}");
        }
    }
}
