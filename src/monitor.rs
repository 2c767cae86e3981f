//! The lines of MONITOR.

/// A command as MONITOR shows it, with its line's end: `+SECONDS.MICROSECONDS [DATABASE ADDRESS] "WORD" "WORD" …`.
/// `now_us` is Unix time in microseconds; `address` is `ip:port`, `unix:PATH` or `lua`.
pub fn line<'a>(
    now_us: u64,
    database: usize,
    address: &str,
    words: impl Iterator<Item = &'a [u8]>,
) -> Vec<u8> {
    let mut out =
        format!("+{}.{:06} [{database} {address}]", now_us / 1_000_000, now_us % 1_000_000).into_bytes();
    for word in words {
        out.push(b' ');
        quote(&mut out, word);
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// A session's address as MONITOR shows it: a socket's path is marked, and has no port.
pub fn address(session_address: &str) -> String {
    match session_address.strip_suffix(":0") {
        Some(path) if path.starts_with('/') => format!("unix:{path}"),
        _ => session_address.to_string(),
    }
}

/// Appends a word in quotes; what is not printable ASCII is escaped.
fn quote(out: &mut Vec<u8>, word: &[u8]) {
    out.push(b'"');
    for &byte in word {
        match byte {
            b'\\' | b'"' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x07 => out.extend_from_slice(b"\\a"),
            0x08 => out.extend_from_slice(b"\\b"),
            b' '..=b'~' => out.push(byte),
            _ => out.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_what_redis_prints() {
        let words: [&[u8]; 3] = [b"SET", b"k", b"a\x01\n\"\\\xff' \x07\x08\t\r\x7f"];
        let line = line(1_795_375_935_065_627, 9, "127.0.0.1:33566", words.into_iter());
        assert_eq!(
            String::from_utf8(line).expect("printable"),
            "+1795375935.065627 [9 127.0.0.1:33566] \"SET\" \"k\" \"a\\x01\\n\\\"\\\\\\xff' \\a\\b\\t\\r\\x7f\"\r\n"
        );
    }

    #[test]
    fn sockets_are_marked() {
        assert_eq!(address("/tmp/pika.sock:0"), "unix:/tmp/pika.sock");
        assert_eq!(address("[::1]:6379"), "[::1]:6379");
    }
}
