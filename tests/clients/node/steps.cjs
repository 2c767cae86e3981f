"use strict";
// What both Node programs share: steps by name, one line a step on standard output.

const assert = require("node:assert/strict");

const port = Number(process.argv[2]);
const only = process.argv.slice(3);

/** Runs the steps in order; each gets an empty server. */
async function run(steps, flush) {
  let failed = 0;
  for (const [name, step] of Object.entries(steps)) {
    if (only.length > 0 && !only.includes(name)) continue;
    try {
      await flush();
      await step();
      console.log(`ok ${name}`);
    } catch (error) {
      failed += 1;
      const text = String(error.message ?? error).replace(/\s+/g, " ").slice(0, 300);
      const line = /(?:ioredis|node_redis|bullmq|redlock)\.cjs:(\d+)/.exec(error.stack ?? "");
      console.log(`FAILED ${name}: line ${line ? line[1] : "?"}: ${text}`);
    }
  }
  process.exit(failed === 0 ? 0 : 1);
}

/** Asks again and again until `condition` is true; a test that hangs is ended by run.py. */
async function until(condition) {
  while (!(await condition()));
}

/** A number of INFO. */
async function infoNumber(text, field) {
  return Number(new RegExp(`^${field}:(\\d+)`, "m").exec(await text)[1]);
}

/** The next `count` values that `listen` passes to its callback. */
function collect(count, listen) {
  const got = [];
  return new Promise((resolve) => listen((value) => {
    got.push(value);
    if (got.length === count) resolve(got);
  }));
}

const range = (count, make) => Array.from({ length: count }, (_, number) => make(number));

module.exports = { assert, port, run, until, infoNumber, collect, range };
