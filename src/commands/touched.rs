//! What a command does to the keys and channels that its words name, where its row alone does not say it.

use std::borrow::Cow;

use super::Args;
use super::spec::{Begin, Command, KeyFlags, Keys};

/// Which of a command's words are channels that its user must be allowed to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelWords {
    /// None.
    None,
    /// The first argument.
    First,
    /// All arguments.
    All,
    /// All arguments are patterns of channels: these very patterns have to be allowed.
    Patterns,
}

impl Keys {
    /// Whether the word that says how many keys there are (`Find::Counted`) says no number, or more than there are
    /// words.
    pub fn miscounts(&self, args: Args<'_>) -> bool {
        let Begin::Word(word) = self.begin else { return false };
        counted(args, word).is_none()
    }
}

/// How many keys a command says in a word that stand behind it; `None` if there are not so many words. Redis takes any
/// beginning of the word that is a number, long before the command itself refuses it, for ACL and COMMAND GETKEYS.
pub(super) fn counted(args: Args<'_>, word: usize) -> Option<usize> {
    let text = args.word(word);
    let leading = || Some(crate::number::leading_i64(text)).filter(|count| *count > 0);
    let count = crate::number::parse_i64(text).or_else(leading)?;
    usize::try_from(count).ok().filter(|count| *count <= args.len().saturating_sub(word + 1))
}

impl Command {
    /// What happens to a key of these words: for SET and BITFIELD it depends on the options.
    pub fn flags_now(&self, flags: KeyFlags, args: Args<'_>) -> Cow<'static, [&'static str]> {
        if !flags.0.contains(&"variable_flags") {
            return Cow::Borrowed(flags.0);
        }
        match self.name {
            "set" if !args.from(3).any(|word| word.eq_ignore_ascii_case(b"get")) => {
                Cow::Borrowed(KeyFlags::OVERWRITE.0)
            }
            "bitfield" if only_gets(args) => Cow::Borrowed(KeyFlags::READ.0),
            _ => Cow::Owned(flags.0.iter().copied().filter(|flag| *flag != "variable_flags").collect()),
        }
    }
}

/// Whether BITFIELD's operations only read. Words that are none do not, as in Redis.
fn only_gets(args: Args<'_>) -> bool {
    let mut words = args.cursor(2);
    while words.left() > 0 {
        let taken = match () {
            () if words.eat("get") => 2,
            () if words.eat("overflow") => 1,
            () => return false,
        };
        if words.by_ref().take(taken).count() < taken {
            return false;
        }
    }
    true
}
