//! Publish and subscribe.

mod subscribe;
#[cfg(test)]
mod tests;

use super::help::HELP;
use super::touched::ChannelWords;
use super::*;
use crate::pubsub::Kind;
use crate::server::{Later, Server, SessionContext};
use crate::session::Session;

const ANYTIME: Flags = Flags::PUBSUB.and(Flags::LOADING).and(Flags::STALE);
const SUBSCRIBING: Flags = ANYTIME.and(Flags::NOSCRIPT).and(Flags::SUBSCRIBED);
const PUBLISHING: Flags = ANYTIME.and(Flags::FAST).and(Flags::MAY_REPLICATE);
const BASE: Command = Command { group: Group::PubSub, ..Command::BASE };

/// The pub/sub commands, in the order of their names.
pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "psubscribe",
        syntax: "pattern [pattern ...]",
        summary: "Has the messages of all channels that match patterns sent to the connection.",
        since: "2.0.0",
        complexity: "O(N) where N is the number of patterns given.",
        arity: Arity::AtLeast(2),
        flags: SUBSCRIBING,
        channels: ChannelWords::Patterns,
        run: Run::Session(subscribe::psubscribe),
        ..BASE
    },
    Command {
        name: "publish",
        syntax: "channel message",
        summary: "Sends a message to all who are subscribed to a channel.",
        since: "2.0.0",
        complexity: "O(N+M) where N is the number of clients subscribed to the channel and M is the number of \
                     patterns that any client is subscribed to.",
        arity: Arity::Exactly(3),
        flags: PUBLISHING,
        channels: ChannelWords::First,
        run: Run::Session(publish),
        ..BASE
    },
    PUBSUB,
    Command {
        name: "punsubscribe",
        syntax: "[pattern [pattern ...]]",
        summary: "Ends subscriptions to patterns.",
        since: "2.0.0",
        complexity: "O(N) where N is the number of patterns given.",
        arity: Arity::AtLeast(1),
        flags: SUBSCRIBING,
        run: Run::Session(subscribe::punsubscribe),
        ..BASE
    },
    Command {
        name: "spublish",
        syntax: "shardchannel message",
        summary: "Sends a message to all who are subscribed to a shard channel.",
        since: "7.0.0",
        complexity: "O(N) where N is the number of clients subscribed to the shard channel.",
        arity: Arity::Exactly(3),
        flags: PUBLISHING,
        keys: &[Keys::one(KeyFlags::CHANNEL)],
        channels: ChannelWords::First,
        run: Run::Session(spublish),
        ..BASE
    },
    Command {
        name: "ssubscribe",
        syntax: "shardchannel [shardchannel ...]",
        summary: "Has the messages of shard channels sent to the connection.",
        since: "7.0.0",
        complexity: "O(N) where N is the number of shard channels given.",
        arity: Arity::AtLeast(2),
        flags: SUBSCRIBING,
        keys: &[Keys::all(KeyFlags::CHANNEL)],
        channels: ChannelWords::All,
        run: Run::Session(subscribe::ssubscribe),
        ..BASE
    },
    Command {
        name: "subscribe",
        syntax: "channel [channel ...]",
        summary: "Has the messages of channels sent to the connection.",
        since: "2.0.0",
        complexity: "O(N) where N is the number of channels given.",
        arity: Arity::AtLeast(2),
        flags: SUBSCRIBING,
        channels: ChannelWords::All,
        run: Run::Session(subscribe::subscribe),
        ..BASE
    },
    Command {
        name: "sunsubscribe",
        syntax: "[shardchannel [shardchannel ...]]",
        summary: "Ends subscriptions to shard channels.",
        since: "7.0.0",
        complexity: "O(N) where N is the number of shard channels given.",
        arity: Arity::AtLeast(1),
        flags: SUBSCRIBING,
        keys: &[Keys::all(KeyFlags::CHANNEL)],
        run: Run::Session(subscribe::sunsubscribe),
        ..BASE
    },
    Command {
        name: "unsubscribe",
        syntax: "[channel [channel ...]]",
        summary: "Ends subscriptions to channels.",
        since: "2.0.0",
        complexity: "O(N) where N is the number of channels given.",
        arity: Arity::AtLeast(1),
        flags: SUBSCRIBING,
        run: Run::Session(subscribe::unsubscribe),
        ..BASE
    },
];

const PUBSUB: Command = Command {
    name: "pubsub",
    summary: "Tells of channels, patterns and subscribers.",
    since: "2.8.0",
    complexity: "Depends on subcommand.",
    arity: Arity::AtLeast(2),
    run: Run::Container,
    subcommands: &[
        Command {
            complexity: "O(N) where N is the number of channels that have subscribers.",
            arity: Arity::AtLeast(2),
            ..row("channels", "[pattern]", "Lists the channels that have subscribers.", channels)
        },
        Command { group: Group::PubSub, since: "6.2.0", ..HELP },
        row("numpat", "", "Counts the patterns that have subscribers.", numpat),
        Command {
            complexity: "O(N) where N is the number of channels given.",
            arity: Arity::AtLeast(2),
            ..row("numsub", "[channel [channel ...]]", "Counts the subscribers of channels.", numsub)
        },
        Command {
            since: "7.0.0",
            complexity: "O(N) where N is the number of shard channels that have subscribers.",
            arity: Arity::AtLeast(2),
            ..row(
                "shardchannels",
                "[pattern]",
                "Lists the shard channels that have subscribers.",
                shardchannels,
            )
        },
        Command {
            since: "7.0.0",
            complexity: "O(N) where N is the number of shard channels given.",
            arity: Arity::AtLeast(2),
            ..row(
                "shardnumsub",
                "[shardchannel [shardchannel ...]]",
                "Counts the subscribers of shard channels.",
                shardnumsub,
            )
        },
    ],
    ..BASE
};

type SessionFn = fn(&mut SessionContext<'_>, Args<'_>) -> RunResult;

/// Shortens the rows above.
const fn row(name: &'static str, syntax: &'static str, summary: &'static str, run: SessionFn) -> Command {
    Command {
        name,
        syntax,
        summary,
        since: "2.8.0",
        arity: Arity::Exactly(2),
        flags: ANYTIME,
        run: Run::Session(run),
        ..BASE
    }
}

fn publish(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    send(cx, args, Kind::Channel)
}

fn spublish(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    send(cx, args, Kind::Shard)
}

fn send(cx: &mut SessionContext<'_>, args: Args<'_>, kind: Kind) -> RunResult {
    let (channel, message) = (args.word(1), args.word(2));
    let receivers = match &mut cx.later {
        None => deliver(cx.server, cx.session, kind, channel, message),
        Some(later) => {
            later.push(Later { kind, channel: channel.to_vec(), message: message.to_vec() });
            cx.server.messages().receivers(kind, channel)
        }
    };
    cx.reply.integer(receivers as i64);
    Ok(())
}

/// Sends a message to whoever is subscribed, here and at the slaves. Returns how many are, here.
pub(crate) fn deliver(
    server: &dyn Server,
    sender: &Session,
    kind: Kind,
    channel: &[u8],
    message: &[u8],
) -> u64 {
    let receivers = server.messages().publish(kind, channel, message, sender.id);
    let name: &[u8] = if kind == Kind::Shard { b"SPUBLISH" } else { b"PUBLISH" };
    server.tell_replicas(sender.database, &[name, channel, message]);
    receivers
}

fn channels(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    list(cx, args, Kind::Channel)
}

fn shardchannels(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    list(cx, args, Kind::Shard)
}

fn list(cx: &mut SessionContext<'_>, args: Args<'_>, kind: Kind) -> RunResult {
    if args.len() > 3 {
        let name = String::from_utf8_lossy(args.word(1));
        return Err(Stop::error(format!(
            "ERR unknown subcommand or wrong number of arguments for '{name}'. Try PUBSUB HELP."
        )));
    }
    let pattern = (args.len() == 3).then(|| args.word(2));
    let names = cx.server.messages().channels(kind, pattern);
    cx.reply.array(names.len());
    names.iter().for_each(|name| cx.reply.bulk(name));
    Ok(())
}

fn numpat(cx: &mut SessionContext<'_>, _args: Args<'_>) -> RunResult {
    cx.reply.integer(cx.server.messages().patterns() as i64);
    Ok(())
}

fn numsub(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    count(cx, args, Kind::Channel)
}

fn shardnumsub(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    count(cx, args, Kind::Shard)
}

fn count(cx: &mut SessionContext<'_>, args: Args<'_>, kind: Kind) -> RunResult {
    cx.reply.array(2 * (args.len() - 2));
    for name in args.from(2) {
        cx.reply.bulk(name);
        cx.reply.integer(cx.server.messages().subscribers(kind, name) as i64);
    }
    Ok(())
}
