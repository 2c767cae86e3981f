"use strict";
// Redlock: locks by scripts with several keys. Arguments: the server's port, then steps (default: all).

const Redis = require("ioredis").default ?? require("ioredis");
const { default: Redlock, ExecutionError } = require("redlock");
const { assert, port, run, range } = require("./steps.cjs");

const client = () => new Redis({ port, host: "127.0.0.1", maxRetriesPerRequest: 1 });
const main = client();
const patient = new Redlock([main], { retryCount: -1, retryDelay: 5, retryJitter: 5 });
const hasty = new Redlock([client()], { retryCount: 0 });

async function locks() {
  const lock = await patient.acquire(["one"], 10_000);
  assert.equal(await main.get("one"), lock.value);
  assert.ok((await main.pttl("one")) > 5000);
  await assert.rejects(hasty.acquire(["one"], 1000), ExecutionError);
  await lock.release();
  assert.equal(await main.exists("one"), 0);
  const other = await hasty.acquire(["one"], 1000);
  await other.release();
}

async function several() {
  const lock = await patient.acquire(["a", "b", "{c}1"], 10_000);
  await assert.rejects(hasty.acquire(["x", "b"], 1000), ExecutionError);
  assert.equal(await main.exists("x"), 0); // all of them or none
  const longer = await lock.extend(60_000);
  assert.ok((await main.pttl("{c}1")) > 30_000);
  await longer.release();
  assert.equal(await main.exists("a", "b", "{c}1"), 0);
}

async function foreign() {
  const lock = await hasty.acquire(["one"], 10_000);
  await main.set("one", "somebody else's");
  await assert.rejects(lock.release(), ExecutionError);
  assert.equal(await main.get("one"), "somebody else's");
}

// Whoever has the lock reads and writes without a transaction: nothing is lost.
async function exclusion() {
  const reader = client();
  await main.set("sum", 0);
  await Promise.all(range(20, async () => {
    for (let count = 0; count < 5; count += 1) {
      await patient.using(["lock", "second"], 5000, async () => {
        const sum = Number(await reader.get("sum"));
        await reader.set("sum", sum + 1);
      });
    }
  }));
  assert.equal(await main.get("sum"), "100");
  reader.disconnect();
}

run({ locks, several, foreign, exclusion }, () => main.flushall());
