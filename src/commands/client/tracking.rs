//! CLIENT TRACKING, CACHING, TRACKINGINFO and GETREDIR.

use std::collections::BTreeSet;

use super::super::args::{not_an_integer, syntax_error};
use super::super::*;
use super::either;
use crate::number::parse_i64;
use crate::server::SessionContext;
use crate::tracking::{Options, Tracking};

/// What CLIENT TRACKING asks for; its prefixes in the order in which they came.
#[derive(Default)]
struct Asked<'a> {
    options: Options,
    prefixes: Vec<&'a [u8]>,
}

impl<'a> Asked<'a> {
    fn parse(cx: &SessionContext<'_>, args: Args<'a>) -> Result<Asked<'a>, Stop> {
        let mut asked = Asked::default();
        let mut cursor = args.cursor(3);
        while cursor.left() > 0 {
            let options = &mut asked.options;
            if cursor.left() > 1 && cursor.eat("redirect") {
                if options.redirect.is_some() {
                    return Err(Stop::error("ERR A client can only redirect to a single other client"));
                }
                let id = parse_i64(cursor.word()?).ok_or_else(not_an_integer)?;
                let known = |id: &u64| cx.server.clients().iter().any(|facts| facts.session.id == *id);
                let redirect = u64::try_from(id).ok().filter(known);
                options.redirect =
                    Some(redirect.ok_or_else(|| {
                        Stop::error("ERR The client ID you want redirect to does not exist")
                    })?);
            } else if cursor.eat("bcast") {
                options.broadcast = true;
            } else if cursor.eat("optin") {
                options.opt_in = true;
            } else if cursor.eat("optout") {
                options.opt_out = true;
            } else if cursor.eat("noloop") {
                options.no_loop = true;
            } else if cursor.left() > 1 && cursor.eat("prefix") {
                asked.prefixes.push(cursor.word()?);
            } else {
                return Err(syntax_error());
            }
        }
        Ok(asked)
    }

    /// Whether it goes together, and with what the client does already.
    fn check(&self, current: Option<&Options>) -> RunResult {
        let options = &self.options;
        if !options.broadcast && !self.prefixes.is_empty() {
            return Err(Stop::error("ERR PREFIX option requires BCAST mode to be enabled"));
        }
        if current.is_some_and(|current| current.broadcast != options.broadcast) {
            return Err(Stop::error(
                "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then \
                 re-enabling it with a different mode.",
            ));
        }
        if options.broadcast && (options.opt_in || options.opt_out) {
            return Err(Stop::error("ERR OPTIN and OPTOUT are not compatible with BCAST"));
        }
        if options.opt_in && options.opt_out {
            return Err(Stop::error("ERR You can't specify both OPTIN mode and OPTOUT mode"));
        }
        let switches =
            |current: &Options| options.opt_in && current.opt_out || options.opt_out && current.opt_in;
        if current.is_some_and(switches) {
            return Err(Stop::error(
                "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then \
                 re-enabling it with a different mode.",
            ));
        }
        let none = BTreeSet::new();
        check_overlaps(&self.prefixes, current.map_or(&none, |current| &current.prefixes))
    }
}

/// No prefix of a client may begin with another one: it would be told twice.
fn check_overlaps(prefixes: &[&[u8]], current: &BTreeSet<Vec<u8>>) -> RunResult {
    let overlap = |one: &[u8], other: &[u8]| one.starts_with(other) || other.starts_with(one);
    let refusal = |one: &[u8], what: &str, other: &[u8]| {
        Err(Stop::error(format!(
            "ERR Prefix '{}' overlaps with {what} prefix '{}'. Prefixes for a single client must not overlap.",
            String::from_utf8_lossy(one),
            String::from_utf8_lossy(other)
        )))
    };
    for (place, one) in prefixes.iter().enumerate() {
        if let Some(other) = current.iter().find(|other| overlap(one, other)) {
            return refusal(one, "an existing", other);
        }
        if let Some(other) = prefixes[place + 1..].iter().find(|other| overlap(one, other)) {
            return refusal(one, "another provided", other);
        }
    }
    Ok(())
}

pub(super) fn tracking(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    let asked = Asked::parse(cx, args)?;
    if either(args.word(2), "on", "off")? {
        let current = cx.session.tracking.take();
        if let Err(stop) = asked.check(current.as_ref().map(|current| &current.options)) {
            cx.session.tracking = current;
            return Err(stop);
        }
        let Asked { mut options, prefixes } = asked;
        options.prefixes = prefixes.into_iter().map(<[u8]>::to_vec).collect();
        if options.broadcast && options.prefixes.is_empty() {
            options.prefixes.insert(Vec::new());
        }
        // What it broadcasts already goes on.
        let caching = current.as_ref().is_some_and(|current| current.caching);
        options.prefixes.extend(current.into_iter().flat_map(|current| current.options.prefixes));
        cx.server.messages().track(cx.session.id, Some(&options));
        cx.session.tracking = Some(Tracking { options, caching });
    } else {
        cx.server.messages().track(cx.session.id, None);
        cx.session.tracking = None;
    }
    cx.reply.ok();
    Ok(())
}

pub(super) fn caching(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    let Some(tracking) = &mut cx.session.tracking else {
        return Err(Stop::error(
            "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode \
             enabled",
        ));
    };
    let yes = either(args.word(2), "yes", "no")?;
    if yes && !tracking.options.opt_in {
        return Err(Stop::error(
            "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.",
        ));
    }
    if !yes && !tracking.options.opt_out {
        return Err(Stop::error(
            "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.",
        ));
    }
    tracking.caching = true;
    cx.reply.ok();
    Ok(())
}

/// Whose connection gets the messages: -1 if nothing is tracked, 0 for its own.
pub(super) fn redirection(tracking: Option<&Tracking>) -> i64 {
    tracking.map_or(-1, |tracking| tracking.options.redirect.unwrap_or(0) as i64)
}

pub(super) fn getredir(cx: &mut SessionContext<'_>, _args: Args<'_>) -> RunResult {
    cx.reply.integer(redirection(cx.session.tracking.as_ref()));
    Ok(())
}

pub(super) fn trackinginfo(cx: &mut SessionContext<'_>, _args: Args<'_>) -> RunResult {
    let tracking = cx.session.tracking.clone();
    let options = tracking.as_ref().map(|tracking| &tracking.options);
    let has = |flag: fn(&Options) -> bool| options.is_some_and(flag);
    let caching = tracking.as_ref().is_some_and(|tracking| tracking.caching);
    let broken = cx.server.messages().is_redirection_broken(cx.session.id);
    let flags = [
        ("off", tracking.is_none()),
        ("on", tracking.is_some()),
        ("bcast", has(|options| options.broadcast)),
        ("optin", has(|options| options.opt_in)),
        ("caching-yes", has(|options| options.opt_in) && caching),
        ("optout", has(|options| options.opt_out)),
        ("caching-no", has(|options| options.opt_out) && caching),
        ("noloop", has(|options| options.no_loop)),
        ("broken_redirect", broken),
    ];
    cx.reply.map(3);
    cx.reply.bulk_text("flags");
    cx.reply.set(flags.iter().filter(|(_, on)| *on).count());
    flags.iter().filter(|(_, on)| *on).for_each(|(name, _)| cx.reply.bulk_text(name));
    cx.reply.bulk_text("redirect");
    cx.reply.integer(redirection(tracking.as_ref()));
    cx.reply.bulk_text("prefixes");
    let prefixes: Vec<&Vec<u8>> = options.into_iter().flat_map(|options| &options.prefixes).collect();
    cx.reply.array(prefixes.len());
    prefixes.into_iter().for_each(|prefix| cx.reply.bulk(prefix));
    Ok(())
}
