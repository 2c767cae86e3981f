//! CLIENT KILL.

use super::super::args::syntax_error;
use super::super::*;
use super::{all_clients, either, parse_type};
use crate::acl::Users;
use crate::number::parse_i64;
use crate::server::SessionContext;
use crate::session::{ClientType, Session};

/// What CLIENT KILL asks for; all of it has to fit.
#[derive(Default)]
struct KillFilter<'a> {
    id: Option<u64>,
    kind: Option<ClientType>,
    user: Option<&'a [u8]>,
    address: Option<&'a [u8]>,
    local_address: Option<&'a [u8]>,
    max_age: Option<u64>,
    skip_me: bool,
}

impl<'a> KillFilter<'a> {
    fn parse(args: Args<'a>, users: &Users) -> Result<KillFilter<'a>, Stop> {
        let mut filter = KillFilter { skip_me: true, ..KillFilter::default() };
        let mut cursor = args.cursor(2);
        while cursor.left() >= 2 {
            let (option, value) = (cursor.word()?, cursor.word()?);
            let is = |name: &str| option.eq_ignore_ascii_case(name.as_bytes());
            if is("id") {
                let id = parse_i64(value).and_then(|id| u64::try_from(id).ok()).filter(|id| *id > 0);
                filter.id = Some(id.ok_or_else(|| Stop::error("ERR client-id should be greater than 0"))?);
            } else if is("type") {
                filter.kind = Some(parse_type(value)?);
            } else if is("user") {
                filter.user = Some(value);
                if users.get(value).is_none() {
                    return Err(Stop::quoting(&[b"ERR No such user '", value, b"'"]));
                }
            } else if is("addr") {
                filter.address = Some(value);
            } else if is("laddr") {
                filter.local_address = Some(value);
            } else if is("skipme") {
                filter.skip_me = either(value, "yes", "no")?;
            } else if is("maxage") {
                let age = parse_i64(value)
                    .ok_or_else(|| Stop::error("ERR maxage is not an integer or out of range"))?;
                let age = u64::try_from(age).ok().filter(|age| *age > 0);
                filter.max_age = Some(age.ok_or_else(|| Stop::error("ERR maxage should be greater than 0"))?);
            } else {
                return Err(syntax_error());
            }
        }
        cursor.end()?;
        Ok(filter)
    }

    fn fits(&self, session: &Session, own_id: u64, now_ms: u64) -> bool {
        let age = now_ms.saturating_sub(session.connected_ms) / 1000;
        self.id.is_none_or(|id| session.id == id)
            && self.kind.is_none_or(|kind| session.kind() == kind)
            && self.user.is_none_or(|user| session.user.name == user)
            && self.address.is_none_or(|address| session.address.as_bytes() == address)
            && self.local_address.is_none_or(|address| session.local_address.as_bytes() == address)
            && self.max_age.is_none_or(|limit| age >= limit)
            && !(self.skip_me && session.id == own_id)
    }
}

pub(super) fn kill(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    let old_form = args.len() == 3;
    let filter = if old_form {
        KillFilter { address: Some(args.word(2)), ..KillFilter::default() }
    } else {
        KillFilter::parse(args, &cx.server.access().users())?
    };
    let mut killed = 0;
    for facts in all_clients(cx) {
        let id = facts.session.id;
        if !filter.fits(&facts.session, cx.session.id, cx.now_ms()) {
            continue;
        }
        if id == cx.session.id {
            // It still gets the answer.
            cx.session.closing = true;
            killed += 1;
        } else if cx.server.kill_client(id) {
            killed += 1;
        }
    }
    match (old_form, killed) {
        (true, 0) => return Err(Stop::error("ERR No such client")),
        (true, _) => cx.reply.ok(),
        (false, _) => cx.reply.integer(killed),
    }
    Ok(())
}
