"use strict";
// node-redis, end to end. Arguments: the server's port, then steps (default: all).

const { createClient, ErrorReply } = require("redis");
const { assert, port, run, until, infoNumber, collect, range } = require("./steps.cjs");

async function client(options = {}) {
  const made = createClient({ socket: { port, host: "127.0.0.1", reconnectStrategy: false }, ...options });
  made.on("error", () => {}); // each command's promise says it too
  return made.connect();
}

let main;

async function pipelines() {
  const replies = await Promise.all(range(1000, (number) => [
    main.set(`key:${number}`, String(number), { expiration: { type: "EX", value: 1000 } }),
    main.incrBy(`key:${number}`, 7),
    main.hSet("hash", `field:${number % 10}`, number),
  ]).flat());
  assert.deepEqual(replies.filter((_, place) => place % 3 === 1), range(1000, (number) => number + 7));
  assert.deepEqual({ ...(await main.hGetAll("hash")) },
    Object.fromEntries(range(10, (number) => [`field:${number}`, String(990 + number)])));
  assert.deepEqual(await main.mGet(["key:0", "key:999", "no such key"]), ["7", "1006", null]);
  const mixed = await main.multi().set("text", "abc").get("text").execAsPipeline();
  assert.deepEqual(mixed, ["OK", "abc"]);
}

async function transactions() {
  const other = await client();
  await main.set("balance", "10");
  await main.watch("balance");
  await other.set("balance", "100");
  await assert.rejects(main.multi().set("balance", "11").exec(), /watched keys/i);
  await main.watch("balance");
  assert.deepEqual(await main.multi().incr("balance").rPush("history", "100").get("balance").exec(), [101, 1, "101"]);
  const failing = await main.multi().set("a", "x").incr("a").set("b", "done").exec().catch((error) => error.replies);
  assert.ok(failing[1] instanceof ErrorReply);
  assert.equal(await main.get("b"), "done");
  other.destroy();
}

async function pubsub() {
  const listener = await client();
  const got = [];
  const messages = collect(3, (take) => {
    got.push(listener.subscribe("news", (message, channel) => take(["subscribed", channel, message])));
    got.push(listener.pSubscribe("n*", (message, channel) => take(["matched", channel, message])));
  });
  await Promise.all(got);
  assert.equal(await main.publish("news", "hello"), 2);
  assert.equal(await main.publish("nobody listens", "hello"), 1);
  assert.equal(await main.publish("weather", "rain"), 0);
  assert.deepEqual((await messages).sort(), [["matched", "news", "hello"], ["matched", "nobody listens", "hello"],
    ["subscribed", "news", "hello"]]);
  assert.deepEqual({ ...(await main.pubSubNumSub(["news", "other"])) }, { news: 1, other: 0 });
  await listener.unsubscribe();
  await listener.pUnsubscribe();
  assert.equal(await listener.ping(), "PONG");
  listener.destroy();
}

async function blocking() {
  const waiting = await client();
  assert.equal(await waiting.blPop("queue", 0.05), null);
  const taken = waiting.blPop(["empty", "queue"], 15);
  await until(async () => (await infoNumber(main.info("clients"), "blocked_clients")) === 1);
  await main.rPush("queue", ["job 1", "job 2"]);
  assert.deepEqual({ ...(await taken) }, { key: "queue", element: "job 1" });
  assert.equal(await waiting.blMove("queue", "running", "LEFT", "RIGHT", 1), "job 2");
  await main.zAdd("scores", [{ score: 1, value: "low" }, { score: 2, value: "high" }]);
  assert.deepEqual({ ...(await waiting.bzPopMax("scores", 1)) }, { key: "scores", value: "high", score: 2 });
  assert.deepEqual(await waiting.blmPop(1, ["empty", "running"], "LEFT"), ["running", ["job 2"]]);
  waiting.destroy();
}

async function streams() {
  const waiting = await client();
  for (let number = 1; number <= 10; number += 1) await main.xAdd("stream", `${number}-0`, { number: String(number) });
  await main.xGroupCreate("stream", "workers", "0");
  const ids = (reply) => reply[0].messages.map(({ id }) => id);
  const news = { key: "stream", id: ">" };
  assert.deepEqual(ids(await main.xReadGroup("workers", "alice", news, { COUNT: 4 })), range(4, (n) => `${n + 1}-0`));
  assert.deepEqual(ids(await main.xReadGroup("workers", "bob", news)), range(6, (n) => `${n + 5}-0`));
  assert.equal(await main.xAck("stream", "workers", ["1-0", "2-0"]), 2);
  const pending = await main.xPending("stream", "workers");
  assert.deepEqual([pending.pending, pending.firstId, pending.lastId], [8, "3-0", "10-0"]);
  const claimed = await main.xAutoClaim("stream", "workers", "bob", 0, "0", { COUNT: 2 });
  assert.deepEqual([claimed.nextId, claimed.messages.map(({ id }) => id)], ["5-0", ["3-0", "4-0"]]);
  const late = waiting.xReadGroup("workers", "carol", news, { BLOCK: 15000 });
  await until(async () => (await infoNumber(main.info("clients"), "blocked_clients")) === 1);
  await main.xAdd("stream", "20-0", { late: "yes" });
  assert.deepEqual(ids(await late), ["20-0"]);
  assert.equal((await main.xInfoStream("stream")).length, 11);
  waiting.destroy();
}

async function scans() {
  await main.mSet(range(2500, (number) => [`scan:${number}`, String(number)]));
  await main.hSet("big", Object.fromEntries(range(2500, (number) => [`field:${number}`, number])));
  await main.sAdd("many", range(2500, String));
  await main.zAdd("scored", range(2500, (number) => ({ score: number, value: `member:${number}` })));
  const all = async (iterator, name) => {
    const found = new Set();
    for await (const page of iterator) for (const item of page) found.add(name(item));
    return found;
  };
  assert.equal((await all(main.scanIterator({ MATCH: "scan:*", COUNT: 100 }), String)).size, 2500);
  assert.equal((await all(main.hScanIterator("big", { COUNT: 100 }), ({ field, value }) => `${field}=${value}`)).size, 2500);
  assert.equal((await all(main.sScanIterator("many", { COUNT: 100 }), String)).size, 2500);
  const scored = await all(main.zScanIterator("scored", { COUNT: 100 }), ({ value, score }) => `${value}=${score}`);
  assert.deepEqual([scored.size, scored.has("member:1234=1234")], [2500, true]);
}

async function resp3() {
  const connection = await client({ RESP: 3 });
  await connection.hSet("map", { a: 1, b: 2 });
  await connection.sAdd("set", ["x", "y"]);
  await connection.zAdd("zset", [{ score: 1, value: "one" }, { score: 0.5, value: "half" }]);
  assert.deepEqual({ ...(await connection.hGetAll("map")) }, { a: "1", b: "2" });
  assert.deepEqual([...(await connection.sMembers("set"))].sort(), ["x", "y"]);
  assert.equal(await connection.zScore("zset", "half"), 0.5);
  assert.deepEqual((await connection.zRangeWithScores("zset", 0, -1)).map((item) => ({ ...item })),
    [{ value: "half", score: 0.5 }, { value: "one", score: 1 }]);
  assert.equal(await connection.get("no such key"), null);
  // In RESP3 a subscribed connection still takes any command.
  const message = collect(1, (take) => connection.subscribe("pushed", take));
  await until(async () => (await connection.pubSubNumSub(["pushed"])).pushed === 1);
  assert.equal(await connection.publish("pushed", "hello"), 1);
  assert.deepEqual(await message, ["hello"]);
  connection.destroy();
}

async function start() {
  main = await client();
  await run({ pipelines, transactions, pubsub, blocking, streams, scans, resp3 }, () => main.flushAll());
}

start();
