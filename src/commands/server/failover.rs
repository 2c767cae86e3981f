//! FAILOVER.

use super::super::args::{not_an_integer, syntax_error};
use super::super::*;
use crate::number::parse_i64;
use crate::replication::failover::Request;
use crate::server::AdminContext;

/// The row of FAILOVER.
pub(super) const FAILOVER: Command = Command {
    name: "failover",
    syntax: "[TO host port [FORCE]] [ABORT] [TIMEOUT milliseconds]",
    summary: "Has a slave take over the role of this master, without a write lost.",
    since: "6.2.0",
    group: Group::Server,
    arity: Arity::AtLeast(1),
    flags: Flags::ADMIN.and(Flags::NOSCRIPT).and(Flags::STALE),
    run: Run::Admin(failover),
    ..Command::BASE
};

fn failover(cx: &mut AdminContext<'_>, args: Args<'_>) -> RunResult {
    if args.len() == 2 && args.word(1).eq_ignore_ascii_case(b"abort") {
        if !cx.server.abort_failover() {
            return Err(Stop::error("ERR No failover in progress."));
        }
        cx.reply.ok();
        return Ok(());
    }
    let request = read(args)?;
    cx.server.fail_over(&request).map_err(Stop::error)?;
    cx.reply.ok();
    Ok(())
}

fn read(args: Args<'_>) -> Result<Request, Stop> {
    let mut request = Request::default();
    let mut words = args.cursor(1);
    while words.left() > 0 {
        if words.left() > 1 && request.timeout_ms.is_none() && words.eat("TIMEOUT") {
            let ms = parse_i64(words.word()?).ok_or_else(not_an_integer)?;
            let ms = u64::try_from(ms).ok().filter(|&ms| ms > 0);
            request.timeout_ms =
                Some(ms.ok_or_else(|| Stop::error("ERR FAILOVER timeout must be greater than 0"))?);
        } else if words.left() > 2 && request.target.is_none() && words.eat("TO") {
            let host = String::from_utf8_lossy(words.word()?).into_owned();
            let port = parse_i64(words.word()?).ok_or_else(not_an_integer)?;
            // As in Redis, what is no port is taken, and no slave has it.
            request.target = Some((host, u16::try_from(port).unwrap_or(0)));
        } else if !request.force && words.eat("FORCE") {
            request.force = true;
        } else {
            return Err(syntax_error());
        }
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &str) -> Result<Request, String> {
        let (mut frame, mut ranges) = (Vec::new(), Vec::new());
        for word in line.split(' ') {
            let start = frame.len() as u32;
            frame.extend_from_slice(word.as_bytes());
            ranges.push((start, frame.len() as u32));
        }
        read(Args::new(&frame, &ranges)).map_err(|stop| match stop {
            Stop::Error(text) => String::from_utf8_lossy(&text).into_owned(),
            other => format!("{other:?}"),
        })
    }

    #[test]
    fn options_come_in_any_order_and_once() {
        let target = Some(("h".to_string(), 7));
        let all = Request { target: target.clone(), timeout_ms: Some(5), force: true };
        assert_eq!(asked("FAILOVER TO h 7 FORCE TIMEOUT 5"), Ok(all.clone()));
        assert_eq!(asked("FAILOVER timeout 5 force to h 7"), Ok(all));
        assert_eq!(asked("FAILOVER"), Ok(Request::default()));
        for line in
            ["FAILOVER TO h", "FAILOVER ABORT TIMEOUT 5", "FAILOVER TIMEOUT 5 TIMEOUT 6", "FAILOVER x"]
        {
            assert_eq!(asked(line), Err("ERR syntax error".into()), "{line}");
        }
        assert_eq!(asked("FAILOVER TIMEOUT 0"), Err("ERR FAILOVER timeout must be greater than 0".into()));
        let number = Err("ERR value is not an integer or out of range".to_string());
        assert_eq!(asked("FAILOVER TIMEOUT x"), number);
        assert_eq!(asked("FAILOVER TO h x"), number);
    }
}
