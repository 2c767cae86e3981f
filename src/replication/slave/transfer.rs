//! Where a transferred data set ends: after so many bytes, or at a mark.
//!
//! | first line | what follows |
//! |------------|--------------|
//! | `$` *length* | that many bytes |
//! | `$EOF:` *40 characters* | bytes up to these 40 characters: a master that does not know the length |

use bytes::BytesMut;

use super::{Action, LONGEST_LINE, Position};

const MARK: usize = 40;

#[derive(Debug, Default)]
pub(super) enum Transfer {
    /// The line that says how it ends is to come; empty lines before it are signs of life.
    #[default]
    Header,
    /// So many bytes are to come.
    Length(u64),
    /// Until these characters.
    Mark([u8; MARK]),
}

impl Transfer {
    /// Whether what came can be read further.
    pub(super) fn can_read(&self, input: &BytesMut) -> bool {
        match self {
            Transfer::Header => memchr::memchr(b'\n', input).is_some(),
            Transfer::Length(_) => !input.is_empty(),
            Transfer::Mark(_) => input.len() > MARK,
        }
    }

    /// Takes what came, a step. Returns whether the data set is whole; what follows it stays in `input`.
    pub(super) fn read(
        &mut self,
        input: &mut BytesMut,
        position: Position,
        actions: &mut Vec<Action>,
    ) -> Result<bool, String> {
        match self {
            Transfer::Header => {
                let Some(end) = memchr::memchr(b'\n', input) else {
                    let endless = input.len() > LONGEST_LINE;
                    return if endless {
                        Err("the data set does not begin as one".into())
                    } else {
                        Ok(false)
                    };
                };
                let line = input.split_to(end + 1);
                match line.trim_ascii_end() {
                    b"" => {}
                    line => {
                        let (next, size) = header(line)?;
                        actions.push(Action::BeginTransfer(position, size));
                        *self = next;
                        return Ok(matches!(self, Transfer::Length(0)));
                    }
                }
            }
            Transfer::Length(left) => {
                let part = input.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                if part > 0 {
                    actions.push(Action::Store(input.split_to(part).freeze()));
                    *left -= part as u64;
                }
                return Ok(*left == 0);
            }
            Transfer::Mark(mark) => {
                if let Some(at) = memchr::memmem::find(input, &mark[..]) {
                    if at > 0 {
                        actions.push(Action::Store(input.split_to(at).freeze()));
                    }
                    let _ = input.split_to(MARK);
                    return Ok(true);
                }
                // The mark's beginning may stand at the end.
                if input.len() >= MARK {
                    let sure = input.len() - (MARK - 1);
                    actions.push(Action::Store(input.split_to(sure).freeze()));
                }
            }
        }
        Ok(false)
    }
}

fn header(line: &[u8]) -> Result<(Transfer, Option<u64>), String> {
    let text = String::from_utf8_lossy(line);
    if let Some(error) = text.strip_prefix('-') {
        return Err(format!("the master gave up its full synchronisation: {error}"));
    }
    let nonsense = || format!("the data set does not begin as one: {text}");
    let size = text.strip_prefix('$').ok_or_else(nonsense)?;
    if let Some(mark) = size.strip_prefix("EOF:") {
        let mark = mark.as_bytes().try_into().map_err(|_| nonsense())?;
        return Ok((Transfer::Mark(mark), None));
    }
    let size = size.parse().map_err(|_| nonsense())?;
    Ok((Transfer::Length(size), Some(size)))
}
