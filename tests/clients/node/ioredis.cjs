"use strict";
// ioredis, end to end. Arguments: the server's port, then steps (default: all).

const Redis = require("ioredis").default ?? require("ioredis");
const { assert, port, run, until, infoNumber, collect, range } = require("./steps.cjs");

const client = (options = {}) => new Redis({ port, host: "127.0.0.1", maxRetriesPerRequest: 1, protocol: 2, ...options });
const main = client();

async function pipelines() {
  const pipeline = main.pipeline();
  for (let number = 0; number < 1000; number += 1) {
    pipeline.set(`key:${number}`, number, "EX", 1000).incrby(`key:${number}`, 7);
    pipeline.hset("hash", `field:${number % 10}`, number);
  }
  const replies = await pipeline.exec();
  assert.deepEqual(replies.filter((_, place) => place % 3 === 1), range(1000, (number) => [null, number + 7]));
  assert.deepEqual({ ...(await main.hgetall("hash")) },
    Object.fromEntries(range(10, (number) => [`field:${number}`, String(990 + number)])));
  const [[, ok], [error], [, text]] = await main.pipeline().set("text", "abc").incr("text").get("text").exec();
  assert.deepEqual([ok, error.message, text], ["OK", "ERR value is not an integer or out of range", "abc"]);
  // Commands of one turn of the event loop leave together.
  const automatic = client({ enableAutoPipelining: true });
  assert.deepEqual(await Promise.all(range(100, (number) => automatic.get(`key:${number}`))),
    range(100, (number) => String(number + 7)));
  automatic.disconnect();
}

async function transactions() {
  const other = client();
  await main.set("balance", 10);
  await main.watch("balance");
  await other.set("balance", 100);
  assert.equal(await main.multi().set("balance", 11).exec(), null);
  await main.watch("balance");
  assert.deepEqual(await main.multi().incr("balance").rpush("history", 100).get("balance").exec(),
    [[null, 101], [null, 1], [null, "101"]]);
  const replies = await main.multi().set("a", "x").incr("a").set("b", "done").exec();
  assert.equal(replies[1][0].message, "ERR value is not an integer or out of range");
  assert.equal(await main.get("b"), "done");
  await assert.rejects(main.multi().set("a").exec(), /EXECABORT|wrong number/);
  other.disconnect();
}

async function pubsub() {
  const listener = client();
  assert.equal(await listener.subscribe("news", "sport"), 2);
  assert.equal(await listener.psubscribe("n*"), 3);
  const messages = collect(1, (got) => listener.on("message", (...message) => got(message)));
  const matches = collect(2, (got) => listener.on("pmessage", (...message) => got(message)));
  assert.equal(await main.publish("news", "hello"), 2);
  assert.equal(await main.publish("nobody listens", "hello"), 1);
  assert.equal(await main.publish("weather", "rain"), 0);
  assert.deepEqual(await messages, [["news", "hello"]]);
  assert.deepEqual(await matches, [["n*", "news", "hello"], ["n*", "nobody listens", "hello"]]);
  assert.deepEqual(await main.pubsub("NUMSUB", "news", "other"), ["news", 1, "other", 0]);
  assert.equal(await listener.unsubscribe("news", "sport"), 1);
  assert.equal(await listener.punsubscribe("n*"), 0);
  assert.equal(await listener.ping(), "PONG"); // an ordinary connection again
  listener.disconnect();
}

async function blocking() {
  const waiting = client();
  assert.equal(await waiting.blpop("queue", 0.05), null);
  const taken = waiting.blpop("empty", "queue", 15);
  await until(async () => (await infoNumber(main.info("clients"), "blocked_clients")) === 1);
  await main.rpush("queue", "job 1", "job 2");
  assert.deepEqual(await taken, ["queue", "job 1"]);
  assert.equal(await waiting.blmove("queue", "running", "LEFT", "RIGHT", 1), "job 2");
  await main.zadd("scores", 1, "low", 2, "high");
  assert.deepEqual(await waiting.bzpopmax("scores", 1), ["scores", "high", "2"]);
  assert.deepEqual(await waiting.blmpop(1, 2, "empty", "running", "LEFT"), ["running", ["job 2"]]);
  waiting.disconnect();
}

async function streams() {
  const waiting = client();
  for (let number = 1; number <= 10; number += 1) await main.xadd("stream", `${number}-0`, "number", number);
  await main.xgroup("CREATE", "stream", "workers", "0");
  const ids = (reply) => reply[0][1].map(([id]) => id);
  assert.deepEqual(ids(await main.xreadgroup("GROUP", "workers", "alice", "COUNT", 4, "STREAMS", "stream", ">")),
    range(4, (number) => `${number + 1}-0`));
  assert.deepEqual(ids(await main.xreadgroup("GROUP", "workers", "bob", "STREAMS", "stream", ">")),
    range(6, (number) => `${number + 5}-0`));
  assert.equal(await main.xack("stream", "workers", "1-0", "2-0"), 2);
  assert.deepEqual(await main.xpending("stream", "workers"), [8, "3-0", "10-0", [["alice", "2"], ["bob", "6"]]]);
  const [next, claimed] = await main.xautoclaim("stream", "workers", "bob", 0, "0", "COUNT", 2);
  assert.deepEqual([next, claimed], ["5-0", [["3-0", ["number", "3"]], ["4-0", ["number", "4"]]]]);
  const late = waiting.xreadgroup("GROUP", "workers", "carol", "BLOCK", 15000, "STREAMS", "stream", ">");
  await until(async () => (await infoNumber(main.info("clients"), "blocked_clients")) === 1);
  await main.xadd("stream", "20-0", "late", "yes");
  assert.deepEqual(await late, [["stream", [["20-0", ["late", "yes"]]]]]);
  assert.equal(await main.xlen("stream"), 11);
  waiting.disconnect();
}

async function scans() {
  await main.mset(...range(2500, (number) => [`scan:${number}`, number]).flat());
  await main.hset("big", Object.fromEntries(range(2500, (number) => [`field:${number}`, number])));
  await main.sadd("many", ...range(2500, String));
  await main.zadd("scored", ...range(2500, (number) => [number, `member:${number}`]).flat());
  const all = async (stream, width) => {
    const found = new Map();
    for await (const page of stream) {
      for (let place = 0; place < page.length; place += width) found.set(page[place], page[place + width - 1]);
    }
    return found;
  };
  assert.equal((await all(main.scanStream({ match: "scan:*", count: 100 }), 1)).size, 2500);
  assert.deepEqual([...(await all(main.scanStream({ type: "hash" }), 1)).keys()], ["big"]);
  assert.equal((await all(main.hscanStream("big", { count: 100 }), 2)).get("field:2499"), "2499");
  assert.equal((await all(main.sscanStream("many", { count: 100 }), 1)).size, 2500);
  const scored = await all(main.zscanStream("scored", { count: 100 }), 2);
  assert.deepEqual([scored.size, scored.get("member:1234")], [2500, "1234"]);
}

async function resp3() {
  // RESP3 as far as ioredis speaks it.
  const connection = client({ protocol: 3 });
  await connection.hset("map", { a: 1, b: 2 });
  await connection.zadd("zset", 1, "one", 0.5, "half");
  assert.deepEqual({ ...(await connection.hgetall("map")) }, { a: "1", b: "2" });
  assert.equal(Number(await connection.zscore("zset", "half")), 0.5);
  assert.equal(await connection.get("no such key"), null);
  connection.disconnect();
}

run({ pipelines, transactions, pubsub, blocking, streams, scans, resp3 }, () => main.flushall());
