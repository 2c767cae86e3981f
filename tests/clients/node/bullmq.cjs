"use strict";
// BullMQ, a queue that is Lua scripts from end to end. Arguments: the server's port, then steps (default: all). With
// PIKA_LONG=1 the step `everything` has 10,000 jobs. With the argument `worker` it is the worker that is killed.

const { fork } = require("node:child_process");
const Redis = require("ioredis").default ?? require("ioredis");
const { FlowProducer, Queue, QueueEvents, UnrecoverableError, Worker } = require("bullmq");
const { assert, port, run, until, range } = require("./steps.cjs");

const connection = { host: "127.0.0.1", port, maxRetriesPerRequest: null };
const NAME = "jobs";
const JOBS = process.env.PIKA_LONG ? 10_000 : 400;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** What a job of `everything` does: some fail at first, and each leaves a mark for each time that it ran. */
async function work(job, redis) {
  await redis.hincrby("ran", job.data.number, 1);
  if (job.data.fails > job.attemptsMade) throw new Error(`not yet: ${job.attemptsMade}`);
  if (job.data.takes) await pause(job.data.takes);
  return job.data.number * 2;
}

if (process.argv[3] === "worker") {
  const redis = new Redis(connection);
  new Worker(NAME, (job) => work(job, redis), { connection, concurrency: 20, lockDuration: 1000 });
} else {
  main();
}

function main() {
  const redis = new Redis(connection);
  const open = []; // what the step has opened
  const keep = (thing) => {
    thing.on?.("error", () => {});
    open.push(thing);
    return thing;
  };
  const queue = (options = {}) => keep(new Queue(NAME, { connection, ...options }));
  const worker = (process, options = {}) => keep(new Worker(NAME, process, { connection, ...options }));
  const closed = (step) => async () => {
    try {
      await step();
    } finally {
      await Promise.all(open.splice(0).map((thing) => thing.close()));
    }
  };

  async function results() {
    const jobs = queue();
    const added = await jobs.addBulk(range(200, (number) => ({ name: "double", data: { number } })));
    assert.equal(await jobs.getWaitingCount(), 200);
    worker(async (job) => job.data.number * 2, { concurrency: 10 });
    await until(async () => (await jobs.getCompletedCount()) === 200);
    const done = await Promise.all(added.map((job) => jobs.getJob(job.id)));
    assert.deepEqual(done.map((job) => job.returnvalue), range(200, (number) => number * 2));
    const counts = await jobs.getJobCounts();
    assert.equal(counts.completed, 200);
    assert.equal(Object.values(counts).reduce((sum, count) => sum + count, 0), 200);
  }

  async function retries() {
    const jobs = queue();
    const ends = await jobs.add("ends", {}, { attempts: 3, backoff: { type: "fixed", delay: 20 } });
    const fails = await jobs.add("fails", {}, { attempts: 2, backoff: { type: "exponential", delay: 10 } });
    const at_once = await jobs.add("at once", {}, { attempts: 5 });
    worker(async (job) => {
      if (job.name === "at once") throw new UnrecoverableError("never");
      if (job.name === "fails" || job.attemptsMade < 2) throw new Error(`attempt ${job.attemptsMade}`);
      return "done";
    });
    await until(async () => (await jobs.getCompletedCount()) === 1 && (await jobs.getFailedCount()) === 2);
    const [good, bad, never] = await Promise.all([ends, fails, at_once].map((job) => jobs.getJob(job.id)));
    assert.deepEqual([good.returnvalue, good.attemptsMade], ["done", 3]);
    assert.deepEqual([bad.failedReason, bad.attemptsMade], ["attempt 1", 2]);
    assert.deepEqual([never.failedReason, never.attemptsMade], ["never", 1]);
    await bad.retry();
    await until(async () => (await jobs.getFailedCount()) === 2);
  }

  async function delays() {
    const jobs = queue();
    const began = Date.now();
    for (const delay of [300, 100, 200]) await jobs.add(String(delay), {}, { delay });
    assert.equal(await jobs.getDelayedCount(), 3);
    const ran = [];
    worker(async (job) => ran.push([job.name, Date.now() - began]));
    await until(async () => (await jobs.getCompletedCount()) === 3);
    assert.deepEqual(ran.map(([name]) => name), ["100", "200", "300"]);
    assert.ok(ran.every(([name, at]) => at >= Number(name)), `before their time: ${ran}`);
  }

  async function priorities() {
    const jobs = queue();
    await jobs.pause();
    for (const priority of [3, 1, 2, 1, 10]) await jobs.add("job", { priority }, { priority });
    await jobs.add("job", { priority: 0 });
    const ran = [];
    worker(async (job) => ran.push(job.data.priority), { concurrency: 1 });
    await jobs.resume();
    await until(async () => (await jobs.getCompletedCount()) === 6);
    assert.deepEqual(ran, [0, 1, 1, 2, 3, 10]);
  }

  async function rates() {
    const jobs = queue();
    await jobs.addBulk(range(30, (number) => ({ name: "job", data: { number } })));
    const at = [];
    worker(async () => at.push(Date.now()), { concurrency: 10, limiter: { max: 5, duration: 200 } });
    await until(async () => (await jobs.getCompletedCount()) === 30);
    // Six windows: between the first job and the last lie five of them.
    assert.ok(at[29] - at[0] >= 900, `thirty jobs in ${at[29] - at[0]} ms`);
  }

  async function flows() {
    const jobs = queue();
    const flow = await keep(new FlowProducer({ connection })).add({
      name: "sum", queueName: NAME, data: {},
      children: range(5, (number) => ({ name: "part", queueName: NAME, data: { number } })),
    });
    assert.equal(await jobs.getWaitingChildrenCount(), 1);
    worker(async (job) => {
      if (job.name === "part") return job.data.number;
      return Object.values(await job.getChildrenValues()).reduce((sum, value) => sum + value, 0);
    });
    await until(async () => (await jobs.getCompletedCount()) === 6);
    assert.equal((await jobs.getJob(flow.job.id)).returnvalue, 10);
  }

  async function schedules() {
    const jobs = queue();
    await jobs.upsertJobScheduler("often", { every: 50 }, { name: "tick" });
    worker(async () => "tick");
    await until(async () => (await jobs.getCompletedCount()) >= 4);
    assert.equal(await jobs.removeJobScheduler("often"), true);
  }

  async function events() {
    const jobs = queue();
    const listener = keep(new QueueEvents(NAME, { connection }));
    await listener.waitUntilReady();
    const job = await jobs.add("job", {});
    worker(async (running) => {
      await running.updateProgress(50);
      return { text: "ünïcode \u0000 and binary" };
    });
    assert.deepEqual(await job.waitUntilFinished(listener, 30_000), { text: "ünïcode \u0000 and binary" });
  }

  // All of it at once, and one of the workers, a process of its own, is killed with jobs in its hands.
  async function everything() {
    const jobs = queue({ defaultJobOptions: { attempts: 5, backoff: { type: "fixed", delay: 10 } } });
    await jobs.pause();
    const made = range(JOBS, (number) => ({
      name: "job",
      data: { number, fails: number % 10 === 0 ? 2 : 0, takes: number % 50 === 1 ? 30 : 0 },
      opts: {
        ...(number % 7 === 0 ? { delay: (number % 20) * 50 } : {}),
        ...(number % 3 === 0 ? { priority: 1 + (number % 5) } : {}),
      },
    }));
    for (let first = 0; first < JOBS; first += 500) await jobs.addBulk(made.slice(first, first + 500));
    const doomed = fork(__filename, [String(port), "worker"]);
    try {
      await jobs.resume();
      await until(async () => (await redis.hlen("ran")) > JOBS / 20);
      // Jobs are in its hands: it is the only worker so far.
      await until(async () => (await jobs.getActiveCount()) > 0);
    } finally {
      doomed.kill("SIGKILL");
    }
    const left = await jobs.getActiveCount();
    const limiter = { max: JOBS, duration: 1000 };
    const options = { concurrency: 50, lockDuration: 2000, stalledInterval: 500, maxStalledCount: 3, limiter };
    for (let count = 0; count < 2; count += 1) worker((job) => work(job, redis), options);
    await until(async () => (await jobs.getCompletedCount()) + (await jobs.getFailedCount()) === JOBS);
    assert.equal(await jobs.getFailedCount(), 0);
    assert.ok(left > 0, "the killed worker had nothing in its hands");
    const ran = await redis.hgetall("ran");
    let again = 0;
    for (let first = 0; first < JOBS; first += 500) {
      for (const job of await jobs.getJobs(["completed"], first, first + 499)) {
        const { number, fails } = job.data;
        assert.equal(job.returnvalue, number * 2);
        assert.ok(Number(ran[number]) >= fails + 1, `job ${number} ran ${ran[number]} times`);
        again += Number(ran[number]) - fails - 1;
      }
    }
    assert.equal(Object.keys(ran).length, JOBS);
    // Only what the killed worker held may have run once more.
    assert.ok(again <= left, `${again} jobs ran again, and ${left} were in the killed worker's hands`);
  }

  const steps = { results, retries, delays, priorities, rates, flows, schedules, events, everything };
  const wrapped = Object.fromEntries(Object.entries(steps).map(([name, step]) => [name, closed(step)]));
  run(wrapped, () => redis.flushall());
}
