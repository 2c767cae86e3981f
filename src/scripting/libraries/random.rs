//! `math.random` and `math.randomseed`, with Redis's generator: after the same seed the same numbers on any machine.

use std::cell::Cell;
use std::rc::Rc;

use mlua::{Lua, Table, Value};

use super::{bad_argument, fault, native, number_of};

/// A linear congruential generator of 48 bits, as `drand48` has it.
#[derive(Debug)]
struct Generator(Cell<u64>);

impl Generator {
    fn seed(&self, seed: i32) {
        self.0.set((u64::from(seed.cast_unsigned()) << 16) | 0x330e);
    }

    /// The next number below 2^31.
    fn next(&self) -> u32 {
        let state = self.0.get().wrapping_mul(0x5_deec_e66d).wrapping_add(0xb) & 0xffff_ffff_ffff;
        self.0.set(state);
        (state >> 17) as u32
    }
}

/// The functions that replace those of `math`.
pub(super) fn library(lua: &Lua) -> mlua::Result<Table> {
    const MOST: u32 = i32::MAX as u32;
    let generator = Rc::new(Generator(Cell::new(0)));
    generator.seed(fastrand::i32(..));
    let table = lua.create_table()?;
    let seeded = generator.clone();
    table.set(
        "randomseed",
        native(lua, move |lua, args| {
            seeded.seed(number_of(lua, args, 1, "randomseed")? as i64 as i32);
            Ok(Vec::new())
        })?,
    )?;
    table.set(
        "random",
        native(lua, move |lua, args| {
            let part = f64::from(generator.next() % MOST) / f64::from(MOST);
            let result = match args.len() {
                0 => part,
                1 => {
                    let upper = number_of(lua, args, 1, "random")?.trunc();
                    if upper < 1.0 {
                        return Err(bad_argument(1, "random", "interval is empty"));
                    }
                    (part * upper).floor() + 1.0
                }
                2 => {
                    let lower = number_of(lua, args, 1, "random")?.trunc();
                    let upper = number_of(lua, args, 2, "random")?.trunc();
                    if lower > upper {
                        return Err(bad_argument(2, "random", "interval is empty"));
                    }
                    (part * (upper - lower + 1.0)).floor() + lower
                }
                _ => return Err(fault("wrong number of arguments")),
            };
            Ok(vec![Value::Number(result)])
        })?,
    )?;
    Ok(table)
}
