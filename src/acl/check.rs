//! Whether a user may run a command.

use super::selector::{Needs, Selector};
use super::{Reason, User, governing};
use crate::commands::spec::{Find, KeyFlags};
use crate::commands::table::Entry;
use crate::commands::touched::ChannelWords;
use crate::commands::{Args, Flags};

/// What was refused first, in the order of the words: of several selectors the one counts that comes farthest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Denied {
    /// The command.
    Command,
    /// One of its keys.
    Key,
    /// One of its channels.
    Channel,
}

/// A command was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// What of it.
    pub denied: Denied,
    /// The command's full name, the key, or the channel.
    pub object: Vec<u8>,
}

impl Denial {
    /// The error that a client gets, `NOPERM` included.
    pub fn error(&self) -> Vec<u8> {
        match self.denied {
            Denied::Command => {
                [b"NOPERM this user has no permissions to run the '".as_slice(), &self.object, b"' command"]
                    .concat()
            }
            Denied::Key => {
                b"NOPERM this user has no permissions to access one of the keys used as arguments".to_vec()
            }
            Denied::Channel => {
                b"NOPERM this user has no permissions to access one of the channels used as arguments"
                    .to_vec()
            }
        }
    }

    /// What ACL DRYRUN answers, which names the key or channel.
    pub fn told(&self) -> Vec<u8> {
        let (before, after): (&[u8], &[u8]) = match self.denied {
            Denied::Command => (b"run the '", b"' command"),
            Denied::Key => (b"access the '", b"' key"),
            Denied::Channel => (b"access the '", b"' channel"),
        };
        [b"This user has no permissions to ".as_slice(), before, &self.object, after].concat()
    }

    /// The error in the place of a command of EXEC that was allowed when it was queued.
    pub fn in_exec(&self) -> Vec<u8> {
        let why = match self.denied {
            Denied::Command => "no permission to execute the command or subcommand",
            Denied::Key => "no permission to touch the specified keys",
            Denied::Channel => "no permission to access one of the channels used as arguments",
        };
        let text = "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. \
                    This command is no longer allowed for the following reason: ";
        [text, why].concat().into_bytes()
    }

    /// The error that a script gets from `redis.call`, without the `ERR` before it.
    pub fn in_script(&self) -> &'static str {
        match self.denied {
            Denied::Command => "The user executing the script can't run this command or subcommand",
            Denied::Key => {
                "The user executing the script can't access at least one of the keys mentioned in the command arguments"
            }
            Denied::Channel => {
                "The user executing the script can't publish to the channel mentioned in the command"
            }
        }
    }

    /// As ACL LOG names it.
    pub fn reason(&self) -> Reason {
        match self.denied {
            Denied::Command => Reason::Command,
            Denied::Key => Reason::Key,
            Denied::Channel => Reason::Channel,
        }
    }
}

/// Whether a user may run a command, whose words were resolved to `entry`. It may if one of the user's selectors allows
/// all of it: the command, every key for what the command does to it, every channel.
///
/// # Errors
/// What was refused.
pub fn may_run(user: &User, entry: &'static Entry, args: Args<'_>) -> Result<(), Denial> {
    if user.is_unlimited() {
        return Ok(());
    }
    let entry = governing(entry);
    let mut worst = (Denied::Command, 0);
    let mut keys = None;
    for selector in &user.selectors {
        match check(selector, entry, args, &mut keys) {
            Ok(()) => return Ok(()),
            Err(found) => worst = worst.max(found),
        }
    }
    let object = match worst.0 {
        Denied::Command => entry.full_name.as_bytes().to_vec(),
        Denied::Key | Denied::Channel => args.word(worst.1).to_vec(),
    };
    Err(Denial { denied: worst.0, object })
}

/// Whether a user may, by this command, read keys that its words do not name: SORT's BY and GET.
pub fn reads_every_key(user: &User, entry: &'static Entry, args: Args<'_>) -> bool {
    let (entry, mut keys) = (governing(entry), None);
    let allows =
        |selector: &Selector| check(selector, entry, args, &mut keys).is_ok() && selector.reads_every_key();
    user.selectors.iter().any(allows)
}

/// `keys` is where those of the command are kept for the next selector.
fn check(
    selector: &Selector,
    entry: &'static Entry,
    args: Args<'_>,
    keys: &mut Option<Vec<(usize, Needs)>>,
) -> Result<(), (Denied, usize)> {
    let command = entry.command;
    // Who may log in does so as nobody yet.
    if !command.flags.has(Flags::NO_AUTH) && !selector.commands.allows(entry, args) {
        return Err((Denied::Command, 0));
    }
    if !selector.allows_all_keys() && !command.keys.is_empty() {
        let keys = keys.get_or_insert_with(|| keys_of(entry, args));
        for (index, needs) in keys {
            if !selector.allows_key(args.word(*index), *needs) {
                return Err((Denied::Key, *index));
            }
        }
    }
    if !selector.allows_all_channels() {
        let (words, exactly) = match command.channels {
            ChannelWords::None => (0..0, false),
            ChannelWords::First => (1..2, false),
            ChannelWords::All => (1..args.len(), false),
            ChannelWords::Patterns => (1..args.len(), true),
        };
        for index in words {
            if !selector.allows_channel(args.word(index), exactly) {
                return Err((Denied::Channel, index));
            }
        }
    }
    Ok(())
}

/// The places of the keys among a command's words, and what it does to them. A command that counts its keys wrongly has
/// none: it will say so itself.
fn keys_of(entry: &'static Entry, args: Args<'_>) -> Vec<(usize, Needs)> {
    let command = entry.command;
    if command.keys.iter().any(|keys| keys.find == Find::Counted && keys.miscounts(args)) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for keys in command.keys.iter().filter(|keys| keys.flags != KeyFlags::CHANNEL) {
        let flags = command.flags_now(keys.flags, args);
        let has = |names: &[&str]| names.iter().any(|name| flags.contains(name));
        let needs = Needs { read: has(&["access"]), write: has(&["insert", "delete", "update"]) };
        found.extend(keys.positions(args).map(|index| (index, needs)));
    }
    found
}
