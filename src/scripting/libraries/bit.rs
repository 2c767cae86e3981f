//! `bit`: operations on 32 bits, as LuaBitOp has them.

use mlua::{Lua, Table, Value};

use super::{Outcome, integer_or, native, number_of};

/// The low 32 bits of a number, rounded to the nearest integer (of two, to the even one).
fn bits(number: f64) -> u32 {
    /// 2^52 + 2^51: what is added to it has its integer part in the low bits.
    const MAGIC: f64 = 6_755_399_441_055_744.0;
    (number + MAGIC).to_bits() as u32
}

fn answer(bits: u32) -> Outcome {
    Ok(vec![Value::Integer(i64::from(bits.cast_signed()))])
}

fn unary(lua: &Lua, name: &'static str, apply: fn(u32) -> u32) -> mlua::Result<mlua::Function> {
    native(lua, move |lua, args| answer(apply(bits(number_of(lua, args, 1, name)?))))
}

fn folded(lua: &Lua, name: &'static str, apply: fn(u32, u32) -> u32) -> mlua::Result<mlua::Function> {
    native(lua, move |lua, args| {
        let mut result = bits(number_of(lua, args, 1, name)?);
        for index in 2..=args.len() {
            result = apply(result, bits(number_of(lua, args, index, name)?));
        }
        answer(result)
    })
}

fn shift(lua: &Lua, name: &'static str, apply: fn(u32, u32) -> u32) -> mlua::Result<mlua::Function> {
    native(lua, move |lua, args| {
        let value = bits(number_of(lua, args, 1, name)?);
        answer(apply(value, bits(number_of(lua, args, 2, name)?) & 31))
    })
}

fn hexadecimal(lua: &Lua, args: &[Value]) -> Outcome {
    let value = bits(number_of(lua, args, 1, "tohex")?);
    let digits = integer_or(lua, args, 2, "tohex", 8)?;
    let count = digits.unsigned_abs().min(8) as usize;
    let text = if digits < 0 { format!("{value:08X}") } else { format!("{value:08x}") };
    Ok(vec![Value::String(lua.create_string(&text[8 - count..])?)])
}

/// The library's table.
pub(super) fn library(lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.set("tobit", unary(lua, "tobit", |bits| bits)?)?;
    table.set("bnot", unary(lua, "bnot", |bits| !bits)?)?;
    table.set("bswap", unary(lua, "bswap", u32::swap_bytes)?)?;
    table.set("band", folded(lua, "band", |one, other| one & other)?)?;
    table.set("bor", folded(lua, "bor", |one, other| one | other)?)?;
    table.set("bxor", folded(lua, "bxor", |one, other| one ^ other)?)?;
    table.set("lshift", shift(lua, "lshift", |bits, by| bits << by)?)?;
    table.set("rshift", shift(lua, "rshift", |bits, by| bits >> by)?)?;
    table.set("arshift", shift(lua, "arshift", |bits, by| (bits.cast_signed() >> by).cast_unsigned())?)?;
    table.set("rol", shift(lua, "rol", u32::rotate_left)?)?;
    table.set("ror", shift(lua, "ror", u32::rotate_right)?)?;
    table.set("tohex", native(lua, hexadecimal)?)?;
    Ok(table)
}
