//! ACL LOAD, SAVE.

use std::convert::Infallible;

use crate::acl;
use crate::commands::{Args, RunResult, Stop};
use crate::config::options::{ACL_PUBSUB_DEFAULT, ACLFILE};
use crate::server::AdminContext;

const NO_FILE: &str = "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via \
                       the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration \
                       file set) in order to store users in the Redis configuration.";

pub(super) fn load(cx: &mut AdminContext<'_>, _args: Args<'_>) -> RunResult {
    let config = cx.server.config();
    let path = config.get(ACLFILE);
    if path.is_empty() {
        return Err(Stop::error(NO_FILE));
    }
    let text = cx
        .server
        .read_users()
        .map_err(|error| Stop::error(format!("ERR Error loading ACLs, opening file '{path}': {error}")))?;
    let channels = config.get(ACL_PUBSUB_DEFAULT).into();
    let loaded =
        acl::file::parse(&text, path, channels).map_err(|errors| Stop::quoting(&[b"ERR ", &errors]))?;
    let Ok(()) = cx.server.access().change(|users| {
        users.replace(loaded);
        Ok::<_, Infallible>(())
    });
    // Who asked gets the answer first, and is closed when its connection finds that its user is gone.
    let users = cx.server.access().users();
    for facts in cx.server.clients() {
        let (id, user) = (facts.session.id, &facts.session.user);
        let is_gone = users.get(&user.name).is_none_or(|known| known.id != user.id);
        if is_gone && id != cx.session.id {
            cx.server.kill_client(id);
        }
    }
    cx.reply.ok();
    Ok(())
}

pub(super) fn save(cx: &mut AdminContext<'_>, _args: Args<'_>) -> RunResult {
    if cx.server.config().get(ACLFILE).is_empty() {
        return Err(Stop::error(NO_FILE));
    }
    let text = acl::file::write(&cx.server.access().users());
    cx.server.write_users(&text).map_err(|_| {
        Stop::error(
            "ERR There was an error trying to save the ACLs. Please check the server logs for more information",
        )
    })?;
    cx.reply.ok();
    Ok(())
}
