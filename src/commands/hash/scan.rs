//! HSCAN, and Pika's scans by names of fields.

use std::collections::BTreeMap;

use crate::commands::args::Args;
use crate::commands::element_scan::{Items, ScanOptions, Walk, cursor};
use crate::commands::{Context, RunResult};
use crate::encoding::key::order_hash;
use crate::encoding::packed_hash::Field;
use crate::keyspace::transaction::Stop;
use crate::types::hash::Hash;

/// Adds a field to the reply if it is wanted.
fn show(options: &ScanOptions<'_>, items: &mut Items, field: Field<'_>) {
    if !options.admits(field.name) {
        return;
    }
    items.push(field.name);
    if options.values {
        items.push(field.value);
    }
}

/// See [`Walk`] for the cursor. A small hash comes whole, whatever the cursor. If it outgrows that form, no scan of it can be under way.
pub(super) fn hscan(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let cursor = cursor(args.word(2))?;
    let entry = cx.txn.lookup(args.word(1))?;
    let hash = Hash::open(&entry)?;
    let mut items = Items::new(cx.reply);
    if !entry.exists() {
        // Even if the options are wrong: so does Redis.
        items.send(cx.reply, b"0");
        return Ok(());
    }
    let options = ScanOptions::read(args, 3, "count", true)?;
    let mut walk = Walk::new(options.count);
    if hash.is_packed() {
        hash.each(&mut cx.txn, |field| {
            show(&options, &mut items, field);
            true
        })?;
    } else if let Ok(start) = u32::try_from(cursor) {
        hash.each_ordered(&mut cx.txn, (start, b""), |place, field| {
            let wanted = walk.admits(place);
            if wanted {
                show(&options, &mut items, field);
            }
            wanted
        })?;
    }
    items.send(cx.reply, walk.cursor().as_bytes());
    Ok(())
}

/// HSCANX: the cursor is the name of a field, which need not exist any more. The order is HSCAN's.
pub(super) fn hscanx(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let start = args.word(2);
    let options = ScanOptions::read(args, 3, "count", false)?;
    let entry = cx.txn.lookup(args.word(1))?;
    let hash = Hash::open(&entry)?;
    let mut items = Items::new(cx.reply);
    let (mut seen, mut next) = (0, Vec::new());
    let from = if start.is_empty() { (0, start) } else { (order_hash(start), start) };
    hash.each_ordered(&mut cx.txn, from, |_, field| {
        // The empty name cannot be where to go on: it means that nothing is left.
        if seen >= options.count && !field.name.is_empty() {
            next = field.name.to_vec();
            return false;
        }
        seen += 1;
        show(&options, &mut items, field);
        true
    })?;
    items.send(cx.reply, &next);
    Ok(())
}

pub(super) fn pkhscanrange(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    scan_range(cx, args, false)
}

pub(super) fn pkhrscanrange(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    scan_range(cx, args, true)
}

/// The fields between two names, both included; an empty name is no bound. As in Pika, LIMIT counts what was
/// looked at, the pattern apart, and the reply begins with the field to go on with.
///
/// Fields are stored by their hashes, so this goes through all of the hash, and keeps the first `limit` by name.
fn scan_range(cx: &mut Context<'_, '_>, args: Args<'_>, backwards: bool) -> RunResult {
    let (low, high) = if backwards { (3, 2) } else { (2, 3) };
    let (low, high) = (args.word(low), args.word(high));
    let options = ScanOptions::read_range(args, 4)?;
    if !low.is_empty() && !high.is_empty() && low > high {
        return Err(Stop::error("ERR Invalid argument: error in given range"));
    }
    let entry = cx.txn.lookup(args.word(1))?;
    let mut kept: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    // One more: it is where to go on.
    let most = usize::try_from(options.count).unwrap_or(usize::MAX).saturating_add(1);
    Hash::open(&entry)?.each(&mut cx.txn, |field| {
        let worst = if backwards { kept.first_key_value() } else { kept.last_key_value() };
        let late = worst.is_some_and(|(worst, _)| (field.name > &worst[..]) != backwards);
        let outside = field.name < low || (!high.is_empty() && field.name > high);
        let unwanted = outside || (late && kept.len() == most);
        if !unwanted {
            kept.insert(field.name.to_vec(), field.value.to_vec());
            if kept.len() > most {
                if backwards {
                    kept.pop_first()
                } else {
                    kept.pop_last()
                };
            }
        }
        true
    })?;
    let mut next = None;
    if kept.len() == most {
        next = if backwards { kept.pop_first() } else { kept.pop_last() };
    }
    let mut items = Items::new(cx.reply);
    let mut show = |(name, value): (&Vec<u8>, &Vec<u8>)| {
        show(&options, &mut items, Field { name, expire_ms: None, value });
    };
    if backwards {
        kept.iter().rev().for_each(&mut show);
    } else {
        kept.iter().for_each(&mut show);
    }
    // The empty name cannot be where to go on: it means that nothing is left.
    if let Some((name, value)) = next.take_if(|(name, _)| name.is_empty()) {
        show((&name, &value));
    }
    items.send(cx.reply, &next.unwrap_or_default().0);
    Ok(())
}
