//! ACL: users and their rights.

mod change;
mod dryrun;
mod file;
mod log;
mod show;
#[cfg(test)]
mod tests;

pub use log::{note, refuse};

use super::args::wrong_subcommand;
use super::help::HELP;
use super::*;
use crate::server::SessionContext;

const ANYTIME: Flags = Flags::NOSCRIPT.and(Flags::LOADING).and(Flags::STALE);
const ADMIN: Flags = ANYTIME.and(Flags::ADMIN);

/// Bits of a password that GENPASS makes, if it is not told, and at most.
const PASSWORD_BITS: (i64, i64) = (256, 4096);

const BASE: Command =
    Command { group: Group::Server, since: "6.0.0", flags: ADMIN, arity: Arity::Exactly(2), ..Command::BASE };

/// The commands, in the order of their names.
pub(super) const COMMANDS: &[Command] = &[ACL];

const ACL: Command = Command {
    name: "acl",
    summary: "Sees and changes users and their rights.",
    complexity: "Depends on subcommand.",
    arity: Arity::AtLeast(2),
    flags: Flags::NONE,
    run: Run::Container,
    subcommands: &[
        Command {
            flags: ANYTIME,
            arity: Arity::AtLeast(2),
            ..row("cat", "[categoryname]", "Lists categories, or the commands of one.", show::cat)
        },
        Command {
            complexity: "O(1) amortized time considering the typical user.",
            arity: Arity::AtLeast(3),
            tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
            ..row(
                "deluser",
                "username [username ...]",
                "Removes users, and closes their connections.",
                change::deluser,
            )
        },
        Command {
            since: "7.0.0",
            arity: Arity::AtLeast(4),
            ..row(
                "dryrun",
                "username command [arg [arg ...]]",
                "Tells whether a user may run a command, and does not run it.",
                dryrun::dryrun,
            )
        },
        Command {
            flags: ANYTIME,
            arity: Arity::AtLeast(2),
            ..row("genpass", "[bits]", "Makes a password that nobody can guess.", genpass)
        },
        Command {
            complexity: "O(N). Where N is the number of password, command and pattern rules that the user has.",
            arity: Arity::Exactly(3),
            ..row("getuser", "username", "Describes a user.", show::getuser)
        },
        Command { group: Group::Server, since: "6.0.0", ..HELP },
        Command {
            complexity: "O(N). Where N is the number of configured users.",
            ..row("list", "", "Lists all users as an ACL file does.", show::list)
        },
        Command {
            complexity: "O(N). Where N is the number of configured users.",
            run: Run::Admin(file::load),
            tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
            ..row("load", "", "Replaces all users by those of the ACL file.", show::list)
        },
        Command {
            complexity: "O(N) with N being the number of entries shown.",
            arity: Arity::AtLeast(2),
            ..row("log", "[<count | RESET>]", "Lists what was refused, and who failed to log in.", log::log)
        },
        Command {
            complexity: "O(N). Where N is the number of configured users.",
            run: Run::Admin(file::save),
            tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
            ..row("save", "", "Writes all users into the ACL file.", show::list)
        },
        Command {
            complexity: "O(N). Where N is the number of rules provided.",
            arity: Arity::AtLeast(3),
            tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
            ..row("setuser", "username [rule [rule ...]]", "Makes or changes a user.", change::setuser)
        },
        Command {
            complexity: "O(N). Where N is the number of configured users.",
            ..row("users", "", "Lists the names of all users.", show::users)
        },
        Command { flags: ANYTIME, ..row("whoami", "", "Tells the connection's user.", whoami) },
    ],
    ..BASE
};

type SessionFn = fn(&mut SessionContext<'_>, Args<'_>) -> RunResult;

/// Shortens the rows above.
const fn row(name: &'static str, syntax: &'static str, summary: &'static str, run: SessionFn) -> Command {
    Command { name, syntax, summary, run: Run::Session(run), ..BASE }
}

fn whoami(cx: &mut SessionContext<'_>, _args: Args<'_>) -> RunResult {
    cx.reply.bulk(&cx.session.user.name);
    Ok(())
}

fn genpass(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    if args.len() > 3 {
        return Err(wrong_subcommand(args));
    }
    let bits = if args.len() == 3 { args.integer(2)? } else { PASSWORD_BITS.0 };
    if !(1..=PASSWORD_BITS.1).contains(&bits) {
        return Err(Stop::error(
            "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096",
        ));
    }
    let digits = bits.unsigned_abs().div_ceil(4) as usize;
    let mut random = vec![0; digits.div_ceil(2)];
    cx.server.fill_random(&mut random);
    let mut password: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    password.truncate(digits);
    cx.reply.bulk_text(&password);
    Ok(())
}
