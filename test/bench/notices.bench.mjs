// From a ring in one process to 20 listeners in another, each with a connection of its own.
// Run after the build: node test/bench/notices.bench.mjs [seconds=10]
import 'reflect-metadata';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Notices } from '#libs/events';
import { silentLogger } from '#libs/observability';
import { Table, openDatabase } from './harness.mjs';

const SECONDS = Number(process.argv[2] ?? 10);
const LISTENERS = 20;

/** Nanoseconds on a clock that all processes of the machine share. */
const now = () => process.hrtime.bigint();

if (process.send) await listen(process.argv[3]);
else await measure();

async function measure() {
  const database = await openDatabase();
  const child = fork(import.meta.filename, [String(SECONDS), database.url], { serialization: 'advanced' });
  const notices = new Notices({ databaseUrl: database.url }, silentLogger());
  const table = new Table(`Ring to each of ${LISTENERS} listeners in another process, ${SECONDS} s a rate`);
  try {
    await notices.onModuleInit();
    await answer(child);
    await atRate(table, notices, child, 100, 10);
    await atRate(table, notices, child, 2_000, 25);
    table.finish();
  } finally {
    child.removeAllListeners('exit').kill();
    await notices.onApplicationShutdown();
    await database.close();
  }
}

async function atRate(table, notices, child, rate, mostP99) {
  const total = rate * SECONDS;
  const begun = performance.now();
  for (let sent = 0; sent < total;) {
    const due = Math.min(total, Math.ceil(((performance.now() - begun) / 1_000) * rate));
    for (; sent < due; sent += 1) notices.notify('bench', `${sent} ${now()}`);
    await sleep(1);
  }
  const achieved = total / ((performance.now() - begun) / 1_000);
  await sleep(500);
  child.send('report');
  const times = await answer(child);
  table.times(`${rate}/s asked for, ${achieved.toFixed(0)}/s rung`, times, { p99: mostP99 });
  table.row('rings that some listener did not hear', total * LISTENERS - times.length, '', 0);
}

async function answer(child) {
  const died = once(child, 'exit').then(() => Promise.reject(new Error('The listening process ended')));
  const [message] = await Promise.race([once(child, 'message'), died]);
  return message;
}

async function listen(databaseUrl) {
  let times = [];
  for (let n = 0; n < LISTENERS; n += 1) {
    const notices = new Notices({ databaseUrl }, silentLogger());
    await notices.onModuleInit();
    notices.subscribe('bench', (key) => times.push(Number(now() - BigInt(key.split(' ')[1])) / 1e6));
  }
  times = [];
  process.on('message', () => {
    process.send(times);
    times = [];
  });
  process.send('ready');
}
