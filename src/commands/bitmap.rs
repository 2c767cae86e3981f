//! Bits of strings.

use super::*;
use crate::encoding::meta::{Meta, Type};
use crate::number;

#[cfg(test)]
mod tests;

/// The bitmap commands, in the order of their names.
pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "getbit",
        syntax: "key offset",
        summary: "Returns the bit at a position of a string; 0 behind its end.",
        since: "2.2.0",
        group: Group::Bitmap,
        arity: Arity::Exactly(3),
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(KeyFlags::READ)],
        run: Run::Keys(getbit),
        ..Command::BASE
    },
    Command {
        name: "setbit",
        syntax: "key offset value",
        summary: "Sets the bit at a position of a string and returns what it was; a string that is too short is \
                  filled up with zero bytes.",
        since: "2.2.0",
        complexity: "O(N) with N bytes in the whole string, which is written anew.",
        group: Group::Bitmap,
        arity: Arity::Exactly(4),
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[Keys::one(KeyFlags::UPDATE_READ)],
        run: Run::Keys(setbit),
        ..Command::BASE
    },
];

/// A bit's place: its byte, and a mask for it there. Bit 0 is the highest one of byte 0.
struct Place {
    byte: usize,
    mask: u8,
}

impl Place {
    fn parse(cx: &Context<'_, '_>, word: &[u8]) -> Result<Place, Stop> {
        number::parse_i64(word)
            .and_then(|offset| u64::try_from(offset).ok())
            .filter(|&offset| offset / 8 < cx.settings.max_bulk_len)
            .and_then(|offset| {
                Some(Place { byte: usize::try_from(offset / 8).ok()?, mask: 0x80 >> (offset % 8) })
            })
            .ok_or(Stop::error("ERR bit offset is not an integer or out of range"))
    }

    fn read(&self, value: &[u8]) -> bool {
        value.get(self.byte).is_some_and(|byte| byte & self.mask != 0)
    }
}

fn getbit(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let place = Place::parse(cx, args.word(2))?;
    let entry = cx.txn.lookup(args.word(1))?;
    let bit = entry.typed(Type::String)?.is_some_and(|meta| place.read(meta.payload));
    cx.reply.integer(i64::from(bit));
    Ok(())
}

fn setbit(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let place = Place::parse(cx, args.word(2))?;
    let on = match args.word(3) {
        b"0" => false,
        b"1" => true,
        _ => return Err(Stop::error("ERR bit is not an integer or out of range")),
    };
    let mut entry = cx.txn.entry(args.word(1))?;
    // A second handle on the same bytes: the first is what the write goes through.
    let found = entry.clone();
    let (value, expire_ms) = match found.typed(Type::String)? {
        Some(meta) => (meta.payload, meta.expire_ms),
        None => (&[][..], None),
    };
    let was = place.read(value);
    cx.reply.integer(i64::from(was));
    if was == on && place.byte < value.len() {
        return Ok(());
    }
    let old = value.get(place.byte).copied().unwrap_or(0);
    let new = [if on { old | place.mask } else { old & !place.mask }];
    let before = &value[..place.byte.min(value.len())];
    let after = value.get(place.byte + 1..).unwrap_or(&[]);
    let gap = vec![0; place.byte - before.len()];
    let meta = Meta { expanded: true, ..Meta::string(&[], expire_ms) };
    cx.txn.put_parts(&mut entry, &meta, &[before, &gap, &new, after])
}
