//! LOLWUT: a picture, and the version.

use super::super::args::not_an_integer;
use super::super::*;
use crate::info::REDIS_VERSION;
use crate::number::parse_i64;
use crate::server::SessionContext;

/// The row of LOLWUT.
pub(super) const LOLWUT: Command = Command {
    name: "lolwut",
    syntax: "[VERSION version]",
    summary: "Shows a picture and the version.",
    since: "5.0.0",
    complexity: "",
    group: Group::Server,
    arity: Arity::AtLeast(1),
    flags: Flags::READONLY.and(Flags::FAST),
    run: Run::Session(lolwut),
    differs: "The picture is Pika's own.",
    ..Command::BASE
};

/// A pika on its rock, with flowers for the winter.
const PICTURE: &str = r#"
        .-.       .-.
       (   \_____/   )
        \           /
        |   o   o   |        \|/
       =|     v     |=~~~~~~~-*-
         \   ___   /         /|\
      .-' `-.....-' `-.
    _/                 \_
   (_____/`~~~~~~~`\_____)
  ___/  rocks  .db  o/_______
"#;

fn lolwut(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    if args.len() >= 3 && args.word(1).eq_ignore_ascii_case(b"version") {
        parse_i64(args.word(2)).ok_or_else(not_an_integer)?;
    }
    let version = &cx.server.identity().version;
    let text = format!("{PICTURE}\nRedis ver. {REDIS_VERSION} (Pika {version})\n");
    cx.reply.verbatim("txt", text.as_bytes());
    Ok(())
}
