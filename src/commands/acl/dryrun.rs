//! ACL DRYRUN.

use crate::acl;
use crate::commands::{Args, RunResult, Stop, table};
use crate::server::SessionContext;

pub(super) fn dryrun(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    let users = cx.server.access().users();
    let Some(user) = users.get(args.word(2)) else {
        return Err(Stop::quoting(&[b"ERR User '", args.word(2), b"' not found"]));
    };
    let inner = args.skip(3);
    let entry = table::resolve_as_named(inner).map_err(|refusal| match refusal.id {
        None => Stop::quoting(&[b"ERR Command '", args.word(3), b"' not found"]),
        Some(_) => Stop::quoting(&[&refusal.error]),
    })?;
    match acl::may_run(user, entry, inner) {
        Ok(()) => cx.reply.ok(),
        Err(denial) => cx.reply.bulk(&denial.told()),
    }
    Ok(())
}
