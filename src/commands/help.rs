//! HELP, the subcommand that every command with subcommands has: written from the rows.

use super::{Args, Arity, Command, Flags, Run, RunResult, syntax, table};
use crate::resp::Reply;
use crate::server::SessionContext;

/// The row of HELP; each family sets its group and version.
pub(super) const HELP: Command = Command {
    name: "help",
    summary: "Lists the subcommands.",
    since: "5.0.0",
    arity: Arity::Exactly(2),
    flags: Flags::LOADING.and(Flags::STALE),
    run: Run::Session(help),
    ..Command::BASE
};

fn help(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    let Some(command) = table::find(super::renamed::true_name(args.word(0))) else { return Ok(()) };
    let mut lines = vec![heading(command.name)];
    for row in command.subcommands.iter().filter(|row| !row.flags.has(Flags::HIDDEN)) {
        lines.push(
            format!("{} {}", row.name.to_uppercase(), syntax::display(row.syntax)).trim_end().to_string(),
        );
        lines.push(format!("    {}", row.summary));
    }
    write(cx.reply, &lines);
    Ok(())
}

/// The first line of a HELP.
pub(super) fn heading(name: &str) -> String {
    format!("{} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", name.to_uppercase())
}

/// Answers lines as Redis answers them: as an array of statuses.
pub(super) fn write(reply: &mut Reply, lines: &[String]) {
    reply.array(lines.len());
    lines.iter().for_each(|line| reply.simple(line));
}
