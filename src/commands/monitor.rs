//! MONITOR.

use super::*;
use crate::server::SessionContext;

/// The row of MONITOR.
pub(super) const COMMANDS: &[Command] = &[Command {
    name: "monitor",
    summary: "Shows the connection all commands that the server runs.",
    group: Group::Server,
    flags: Flags::ADMIN.and(Flags::NOSCRIPT).and(Flags::LOADING).and(Flags::STALE),
    run: Run::Session(monitor),
    differs: "A command is shown when it begins. A connection that does not read fast enough is closed at the limit \
              of subscribers in `client-output-buffer-limit`.",
    ..Command::BASE
}];

fn monitor(cx: &mut SessionContext<'_>, _args: Args<'_>) -> RunResult {
    if cx.atomic {
        return Err(Stop::error("ERR MONITOR isn't allowed for DENY BLOCKING client"));
    }
    // Once more is not answered, as in Redis.
    if !std::mem::replace(&mut cx.session.monitors, true) {
        cx.reply.ok();
        cx.server.messages().monitor(cx.session.id);
    }
    Ok(())
}
