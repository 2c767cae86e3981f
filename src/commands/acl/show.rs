//! ACL CAT, GETUSER, LIST, USERS.

use crate::acl::Selector;
use crate::commands::args::wrong_subcommand;
use crate::commands::spec::CATEGORIES;
use crate::commands::{Args, RunResult, Stop, table};
use crate::resp::Reply;
use crate::server::SessionContext;

/// Bytes of an unknown category that the error shows.
const MOST_SHOWN: usize = 128;

pub(super) fn cat(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    if args.len() > 3 {
        return Err(wrong_subcommand(args));
    }
    if args.len() == 2 {
        cx.reply.array(CATEGORIES.len());
        CATEGORIES.iter().for_each(|name| cx.reply.bulk_text(name));
        return Ok(());
    }
    let given = args.word(2);
    let known = CATEGORIES.iter().find(|name| name.as_bytes().eq_ignore_ascii_case(given));
    let Some(category) = known else {
        let shown = &given[..given.len().min(MOST_SHOWN)];
        return Err(Stop::quoting(&[b"ERR Unknown category '", shown, b"'"]));
    };
    let entries = table::entries().iter().filter(|entry| !entry.is_hidden());
    let of_it = entries.filter(|entry| entry.command.acl_categories().any(|name| name == *category));
    let names: Vec<&str> = of_it.map(|entry| entry.full_name.as_str()).collect();
    cx.reply.array(names.len());
    names.iter().for_each(|name| cx.reply.bulk_text(name));
    Ok(())
}

pub(super) fn users(cx: &mut SessionContext<'_>, _args: Args<'_>) -> RunResult {
    let users = cx.server.access().users();
    cx.reply.array(users.iter().count());
    users.iter().for_each(|user| cx.reply.bulk(&user.name));
    Ok(())
}

pub(super) fn list(cx: &mut SessionContext<'_>, _args: Args<'_>) -> RunResult {
    let users = cx.server.access().users();
    cx.reply.array(users.iter().count());
    users.iter().for_each(|user| cx.reply.bulk(&user.describe()));
    Ok(())
}

pub(super) fn getuser(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    let users = cx.server.access().users();
    let Some(user) = users.get(args.word(2)) else {
        cx.reply.null();
        return Ok(());
    };
    let reply = &mut *cx.reply;
    reply.map(6);
    reply.bulk_text("flags");
    let flags: Vec<&str> = user.flags().collect();
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.bulk_text(flag));
    reply.bulk_text("passwords");
    reply.array(user.passwords.len());
    user.passwords.iter().for_each(|password| reply.bulk_text(&password.hex()));
    write_selector(reply, &user.selectors[0]);
    reply.bulk_text("selectors");
    reply.array(user.selectors.len() - 1);
    for selector in &user.selectors[1..] {
        reply.map(3);
        write_selector(reply, selector);
    }
    Ok(())
}

fn write_selector(reply: &mut Reply, selector: &Selector) {
    let (commands, keys, channels) = selector.describe_parts();
    for (name, text) in [("commands", commands.as_bytes()), ("keys", &keys), ("channels", &channels)] {
        reply.bulk_text(name);
        reply.bulk(text);
    }
}
