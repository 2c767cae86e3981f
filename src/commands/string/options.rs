//! The options of SET and GETEX, and the times that string commands take.

use crate::commands::args::{Args, Cursor, not_an_integer, syntax_error};
use crate::keyspace::transaction::Stop;
use crate::number;

/// How a client tells a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clock {
    /// Seconds from now.
    Seconds,
    /// Milliseconds from now.
    Millis,
    /// Unix time in seconds.
    UnixSeconds,
    /// Unix time in milliseconds.
    UnixMillis,
}

impl Clock {
    /// The Unix time in ms that `text` stands for in `command`. As in Redis, it must be positive and fit an `i64`.
    pub(super) fn absolute_ms(self, text: &[u8], command: &str, now_ms: u64) -> Result<u64, Stop> {
        let value = number::parse_i64(text).ok_or_else(not_an_integer)?;
        let (unit, base) = match self {
            Clock::Seconds => (1000, now_ms),
            Clock::Millis => (1, now_ms),
            Clock::UnixSeconds => (1000, 0),
            Clock::UnixMillis => (1, 0),
        };
        u64::try_from(value)
            .ok()
            .filter(|&value| value > 0)
            .and_then(|value| value.checked_mul(unit)?.checked_add(base))
            .filter(|&ms| ms <= i64::MAX as u64)
            .ok_or_else(|| invalid_time(command))
    }
}

/// The refusal of a time that is not positive or too far away.
pub(super) fn invalid_time(command: &str) -> Stop {
    Stop::error(format!("ERR invalid expire time in '{command}' command"))
}

/// What becomes of a key's expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lifetime<'a> {
    /// Nothing was said.
    Unsaid,
    /// KEEPTTL.
    Keep,
    /// PERSIST.
    Persist,
    /// EX, PX, EXAT, PXAT. The time is only read when it is wanted: other errors come first.
    Until(Clock, &'a [u8]),
}

impl<'a> Lifetime<'a> {
    /// Reads one word about time and its argument, if that is what comes. The last of several times counts if
    /// they are told in the same way; else the words contradict each other.
    fn eat(&mut self, cursor: &mut Cursor<'a>, keyword: (&str, Lifetime<'static>)) -> Result<bool, Stop> {
        const CLOCKS: [(&str, Clock); 4] = [
            ("EX", Clock::Seconds),
            ("PX", Clock::Millis),
            ("EXAT", Clock::UnixSeconds),
            ("PXAT", Clock::UnixMillis),
        ];
        let said = if cursor.eat(keyword.0) {
            keyword.1
        } else if let Some((_, clock)) = CLOCKS.iter().find(|(name, _)| cursor.eat(name)) {
            Lifetime::Until(*clock, cursor.word()?)
        } else {
            return Ok(false);
        };
        let agrees = match (*self, said) {
            (Lifetime::Unsaid, _) => true,
            (Lifetime::Until(before, _), Lifetime::Until(now, _)) => before == now,
            (before, now) => before == now,
        };
        *self = said;
        if agrees { Ok(true) } else { Err(syntax_error()) }
    }
}

/// When SET stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition<'a> {
    /// Always.
    Always,
    /// NX.
    Absent,
    /// XX.
    Present,
    /// VX: if the key holds this string.
    Holds(&'a [u8]),
}

/// The options of SET.
#[derive(Debug, Clone, Copy)]
pub(super) struct SetOptions<'a> {
    /// NX, XX, VX.
    pub(super) condition: Condition<'a>,
    /// GET.
    pub(super) get: bool,
    /// When the key expires.
    pub(super) lifetime: Lifetime<'a>,
}

impl<'a> SetOptions<'a> {
    /// Reads the words behind the value.
    pub(super) fn parse(args: Args<'a>) -> Result<SetOptions<'a>, Stop> {
        let mut cursor = args.cursor(3);
        let mut options = SetOptions { condition: Condition::Always, get: false, lifetime: Lifetime::Unsaid };
        while cursor.left() > 0 {
            let condition = if cursor.eat("NX") {
                Condition::Absent
            } else if cursor.eat("XX") {
                Condition::Present
            } else if cursor.eat("VX") {
                Condition::Holds(cursor.word()?)
            } else if cursor.eat("GET") {
                options.get = true;
                continue;
            } else if options.lifetime.eat(&mut cursor, ("KEEPTTL", Lifetime::Keep))? {
                continue;
            } else {
                return Err(syntax_error());
            };
            if options.condition != Condition::Always && options.condition != condition {
                return Err(syntax_error());
            }
            options.condition = condition;
        }
        // VX answers a number: there is no place for the old value.
        if options.get && matches!(options.condition, Condition::Holds(_)) {
            return Err(syntax_error());
        }
        Ok(options)
    }
}

/// Reads the options of GETEX.
pub(super) fn parse_getex(args: Args<'_>) -> Result<Lifetime<'_>, Stop> {
    let mut cursor = args.cursor(2);
    let mut lifetime = Lifetime::Unsaid;
    while cursor.left() > 0 {
        if !lifetime.eat(&mut cursor, ("PERSIST", Lifetime::Persist))? {
            return Err(syntax_error());
        }
    }
    Ok(lifetime)
}
