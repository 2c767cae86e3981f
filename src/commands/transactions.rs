//! MULTI, EXEC, DISCARD, WATCH, UNWATCH.
//!
//! The queue is the connection's: see the shell. Here is what is to be known of the commands, and WATCH, which runs in
//! the partitions of its keys.

use super::spec::Queue;
use super::{Args, Arity, Command, Context, Flags, Group, KeyFlags, Keys, Run, RunResult};
use crate::keyspace::transaction::Stop;

const BASE: Command = Command {
    group: Group::Transactions,
    since: "1.2.0",
    flags: Flags::NOSCRIPT.and(Flags::LOADING).and(Flags::STALE).and(Flags::FAST).and(Flags::ALLOW_BUSY),
    ..Command::BASE
};

/// The commands, in the order of their names.
pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "discard",
        summary: "Forgets the commands of a transaction that was begun, and the keys that are watched.",
        since: "2.0.0",
        complexity: "O(N), when N is the number of queued commands",
        run: Run::Queue(Queue::Discard),
        ..BASE
    },
    Command {
        name: "exec",
        summary: "Runs the commands of a transaction, with none of anyone else between them.",
        complexity: "Depends on commands in the transaction",
        flags: Flags::NOSCRIPT.and(Flags::LOADING).and(Flags::STALE).and(Flags::SKIP_SLOWLOG),
        run: Run::Queue(Queue::Run),
        ..BASE
    },
    Command {
        name: "multi",
        summary: "Begins a transaction: the commands that follow are queued until EXEC.",
        run: Run::Queue(Queue::Begin),
        ..BASE
    },
    Command {
        name: "unwatch",
        summary: "Forgets the keys that are watched.",
        since: "2.2.0",
        run: Run::Queue(Queue::Unwatch),
        ..BASE
    },
    Command {
        name: "watch",
        syntax: "key [key ...]",
        summary: "Lets the next EXEC of this connection run only if none of the keys changes until then.",
        since: "2.2.0",
        complexity: "O(1) for every key.",
        arity: Arity::AtLeast(2),
        flags: BASE.flags.and(Flags::UNQUEUED),
        keys: &[Keys::all(KeyFlags::INSPECT)],
        run: Run::Watch(watch),
        ..BASE
    },
];

fn watch(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let Some(watch) = cx.watch else { return Err(Stop::error("ERR WATCH inside MULTI is not allowed")) };
    cx.txn.prefetch(args.from(1))?;
    for key in args.from(1) {
        let entry = cx.txn.entry(key)?;
        cx.txn.watch(&entry, watch);
    }
    cx.reply.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::engine::memory::MemoryEngine;
    use crate::keyspace::watch::Watch;
    use crate::testing::MiniServer;

    /// Whether a change voids what watches `key`.
    fn voids(before: &[&str], key: &str, change: &[&str]) -> bool {
        let mut server = MiniServer::new(3);
        let bystander = Arc::new(Watch::default());
        server.watch = Some(bystander.clone());
        server.ask(&format!("WATCH {key}"));
        run(&mut server, before);
        let watch = Arc::new(Watch::default());
        server.watch = Some(watch.clone());
        server.ask(&format!("WATCH {key}"));
        run(&mut server, change);
        watch.is_void(server.now_ms)
    }

    fn run(server: &mut MiniServer, lines: &[&str]) {
        for line in lines {
            match line.strip_prefix("# wait ") {
                Some(ms) => server.now_ms += ms.parse::<u64>().unwrap(),
                None => assert!(!server.ask(line).starts_with("(error)"), "{line}"),
            }
        }
    }

    #[test]
    fn what_changes_a_watched_key_voids_the_transaction() {
        assert!(voids(&[], "k", &["SET k v"]));
        assert!(voids(&["SET k v"], "k", &["DEL k"]));
        assert!(voids(&["HSET k f v"], "k", &["HSET k f v"]), "the same value is a change, as in Redis");
        assert!(voids(&["SET k v"], "k", &["EXPIRE k 100"]));
        assert!(voids(&["SET k v"], "k", &["RENAME k j"]));
        assert!(voids(&["SET k v PX 10"], "k", &["# wait 11"]));
        assert!(voids(&["SET k v"], "k", &["FLUSHALL"]));
        assert!(voids(&["SET k v"], "k", &["SWAPDB 0 1"]));
        assert!(voids(&["SELECT 1", "SET k v", "SELECT 0"], "k", &["SWAPDB 0 1"]));
    }

    #[test]
    fn what_leaves_a_watched_key_as_it_is_does_not() {
        assert!(!voids(&["SET k v"], "k", &["GET k", "SET j v", "DEL nothing"]));
        assert!(!voids(&[], "k", &["DEL k", "FLUSHALL", "SWAPDB 0 1"]));
        assert!(!voids(&["SET k v"], "k", &["SELECT 1", "SET k v", "FLUSHDB"]));
        assert!(!voids(&["SET k v PXAT 1"], "k", &["# wait 5"]), "it was gone when it was watched");
        assert!(!voids(&["SET k v PX 5", "# wait 6"], "k", &["GET k"]), "it was due, and WATCH removed it");
        assert!(voids(&["SET k v PX 5", "# wait 6"], "k", &["SET k w"]));
        assert!(!voids(&["SET k v"], "k", &["SETBIT k 0 0", "BITFIELD k SET u1 0 0"]), "no bit changed");
    }

    #[test]
    fn consumer_groups_are_no_part_of_a_watched_stream() {
        let before = ["XADD k 1 f v", "XGROUP CREATE k g 0"];
        let spared = [
            "XGROUP CREATE k h 0",
            "XREADGROUP GROUP g alice STREAMS k >",
            "XCLAIM k g bob 0 1",
            "XAUTOCLAIM k g carol 0 0",
            "XACK k g 1",
            "XGROUP CREATECONSUMER k g dan",
            "XGROUP DELCONSUMER k g dan",
            "XGROUP SETID k g 0",
            "XGROUP DESTROY k g",
            "XSETID k 5",
        ];
        assert!(!voids(&before, "k", &spared));
        assert!(voids(&before, "k", &["XDEL k 1"]));
        assert!(voids(&[], "k", &["XGROUP CREATE k g 0 MKSTREAM"]));
    }

    #[test]
    fn a_transaction_over_databases_and_partitions_is_one_record_and_replays() {
        let mut server = MiniServer::new(3);
        server.ask("SET a 1");
        let records = server.log.len();
        let replies =
            server.exec(&["INCR a", "SELECT 2", "SET b 2", "DBSIZE", "SELECT 0", "SET c 3", "DBSIZE"]);
        assert_eq!(replies, ["(integer) 2", "OK", "OK", "(integer) 1", "OK", "OK", "(integer) 2"]);
        assert_eq!(server.log.len(), records + 1);
        let log = std::mem::take(&mut server.log);
        let mut replayed = MiniServer::open(MemoryEngine::new(), 2, log);
        assert_eq!(replayed.ask("MGET a c"), "1) \"2\"\n2) \"3\"");
        replayed.ask("SELECT 2");
        assert_eq!((replayed.ask("GET b"), replayed.ask("GET c")), ("\"2\"".into(), "(nil)".into()));
    }
}
