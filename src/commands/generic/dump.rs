//! DUMP and RESTORE.

use super::{Args, Context, RunResult};
use crate::commands::Settings;
use crate::commands::args::syntax_error;
use crate::config::Events;
use crate::keyspace::transaction::Stop;
use crate::number::Decimal;
use crate::rdb;
use crate::types;

/// RESTORE takes no string that is longer, decompressed: a few bytes can stand for many. It is no option, or a
/// replay of the log under another setting would refuse what was taken.
const LONGEST_STRING: u64 = 512 * 1024 * 1024;

/// Up to which sizes DUMP writes collections compactly: as Redis with the same options.
pub(crate) fn limits(settings: &Settings) -> rdb::Limits {
    rdb::Limits {
        hash_max_listpack_entries: settings.hash_max_listpack_entries,
        hash_max_listpack_value: settings.hash_max_listpack_value,
        list_max_listpack_size: settings.list_max_listpack_size,
        set_max_intset_entries: settings.set_max_intset_entries,
        set_max_listpack_entries: settings.set_max_listpack_entries,
        set_max_listpack_value: settings.set_max_listpack_value,
        zset_max_listpack_entries: settings.zset_max_listpack_entries,
        zset_max_listpack_value: settings.zset_max_listpack_value,
        stream_node_max_entries: settings.stream_node_max_entries,
        stream_node_max_bytes: settings.stream_node_max_bytes,
    }
}

pub(super) fn dump(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let entry = cx.txn.lookup(args.word(1))?;
    match types::to_rdb(&mut cx.txn, &entry)? {
        Some(value) => cx.reply.bulk(&rdb::dump::encode(&value, &limits(cx.settings))),
        None => cx.reply.null(),
    }
    Ok(())
}

#[derive(Debug, Default)]
struct Options {
    replace: bool,
    absolute: bool,
    idle_s: Option<i64>,
    frequency: Option<i64>,
}

impl Options {
    fn parse(args: Args<'_>) -> Result<Options, Stop> {
        let mut options = Options::default();
        let mut words = args.cursor(4);
        while words.left() > 0 {
            if words.eat("REPLACE") {
                options.replace = true;
            } else if words.eat("ABSTTL") {
                options.absolute = true;
            } else if words.left() > 1 && options.frequency.is_none() && words.eat("IDLETIME") {
                let idle_s = words.integer()?;
                if idle_s < 0 {
                    return Err(Stop::error("ERR Invalid IDLETIME value, must be >= 0"));
                }
                options.idle_s = Some(idle_s);
            } else if words.left() > 1 && options.idle_s.is_none() && words.eat("FREQ") {
                let frequency = words.integer()?;
                if !(0..=255).contains(&frequency) {
                    return Err(Stop::error("ERR Invalid FREQ value, must be >= 0 and <= 255"));
                }
                options.frequency = Some(frequency);
            } else {
                return Err(syntax_error());
            }
        }
        Ok(options)
    }
}

pub(super) fn restore(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let options = Options::parse(args)?;
    let (key, payload) = (args.word(1), args.word(3));
    let mut entry = cx.txn.entry(key)?;
    if entry.exists() && !options.replace {
        return Err(Stop::error("BUSYKEY Target key name already exists."));
    }
    let time = args.integer(2)?;
    if time < 0 {
        return Err(Stop::error("ERR Invalid TTL value, must be >= 0"));
    }
    let content = rdb::dump::open(payload)
        .ok_or_else(|| Stop::error("ERR DUMP payload version or checksum are wrong"))?;
    let value = rdb::dump::decode(content, LONGEST_STRING).map_err(|_| Stop::error("ERR Bad data format"))?;
    let now_ms = cx.txn.now_ms();
    let expire_ms = match (time, options.absolute) {
        (0, _) => None,
        (time, true) => Some(time),
        // As in Redis, a time that is too far away becomes one long past.
        (time, false) => Some(time.wrapping_add_unsigned(now_ms)),
    };
    cx.reply.ok();
    let expire_ms = match expire_ms.map(u64::try_from) {
        None => None,
        Some(Ok(expire_ms)) if expire_ms > cx.txn.expiry_clock_ms() => Some(expire_ms),
        Some(_) => {
            if entry.exists() {
                cx.txn.remove(&mut entry)?;
                cx.txn.notify(Events::GENERIC, "del", &entry);
                cx.txn.effect(&[b"DEL", key]);
            }
            return Ok(());
        }
    };
    types::from_rdb(&mut cx.txn, &mut entry, value, expire_ms, cx.settings)?;
    if let Some(idle_s) = options.idle_s {
        let used_s = (now_ms / 1000).saturating_sub(idle_s.cast_unsigned());
        cx.txn.set_used_on_commit(&entry, u32::try_from(used_s).unwrap_or(u32::MAX));
    }
    cx.txn.notify(Events::GENERIC, "restore", &entry);
    let time = Decimal::unsigned(expire_ms.unwrap_or(0));
    cx.txn.effect(&[b"RESTORE", key, time.as_bytes(), payload, b"REPLACE", b"ABSTTL"]);
    Ok(())
}
