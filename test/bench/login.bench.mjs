// Sign-ins with argon2id a second, and what they do to other requests. A whole Rookery beside this process, which only asks.
// In turns with the least that sign-ins can be, which says what of it the machine and the hashing cost anyway.
// Run after the build: node test/bench/login.bench.mjs [seconds=15]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Table, quantile } from './harness.mjs';
import { openRookery } from './rookery.mjs';

const SECONDS = Number(process.argv[2] ?? 15);
const ROUNDS = 3;
const LOGINS_PER_SECOND = 60;
const SLOWER = 3;
const ACCOUNTS = 16;
const OTHERS_PER_SECOND = 50;
const PASSWORD = 'Bench-Pass-4711';

const rookery = await openRookery({ REGISTRATION: 'open', RATE_LIMIT_AUTH_PER_MINUTE: '1000000000' });
const bare = await openBare();
try {
  const emails = Array.from({ length: ACCOUNTS }, (_, nr) => `bench-${nr}@example.test`);
  for (const email of emails) {
    await rookery.text('POST', '/api/v1/auth/register', { email, password: PASSWORD, name: 'Bench' });
  }
  const ours = {
    login: (nr) => rookery.text('POST', '/api/v1/auth/login', { email: emails[nr], password: PASSWORD }),
    other: () => rookery.call('GET', '/v1/account'),
  };
  await measure({ bare, ours });
} finally {
  await bare.close();
  await rookery.close();
}

async function measure(targets) {
  const table = new Table(
    `Sign-ins with argon2id of ${ACCOUNTS} accounts for ${SECONDS} s, ${OTHERS_PER_SECOND} other requests a second`,
  );
  const found = { bare: { alone: [], beside: [], logins: [] }, ours: { alone: [], beside: [], logins: [] } };
  for (const target of Object.values(targets)) await others(target, 3);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, target] of Object.entries(targets)) await storm(target, found[name]);
  }
  const [least, ours] = [summary(found.bare), summary(found.ours)];
  table.row('the barest sign-ins a second', least.perSecond, '/s');
  table.row('sign-ins a second', ours.perSecond, '/s');
  table.row('sign-ins / the barest', ours.perSecond / least.perSecond, 'x');
  table.row(`${LOGINS_PER_SECOND} / sign-ins a second`, LOGINS_PER_SECOND / ours.perSecond, 'x', 1);
  table.times('a sign-in', found.ours.logins);
  table.times('another request, without sign-ins', found.ours.alone);
  table.times('another request, beside them', found.ours.beside);
  table.row('the barest: beside / without, p99', least.slower, 'x');
  table.row('beside / without, p99', ours.slower, 'x', SLOWER);
  table.finish();
}

/** A share of the time without sign-ins, then as long with them. */
async function storm(target, { alone, beside, logins }) {
  const seconds = SECONDS / ROUNDS;
  alone.push(...(await others(target, seconds)));
  const end = performance.now() + seconds * 1000;
  const accounts = Array.from({ length: ACCOUNTS }, (_, nr) => signIns(target, nr, end));
  const [asked, ...took] = await Promise.all([others(target, seconds), ...accounts]);
  beside.push(...asked);
  logins.push(...took.flat());
}

function summary({ alone, beside, logins }) {
  return { perSecond: logins.length / SECONDS, slower: quantile(beside, 0.99) / quantile(alone, 0.99) };
}

/** One after the other, as a person would; the accounts are at it at once. */
async function signIns(target, nr, end) {
  const times = [];
  while (performance.now() < end) times.push(await timed(() => target.login(nr)));
  return times;
}

/** Requests at a steady pace, whether those before were answered or not. */
async function others(target, seconds) {
  const asked = [];
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    asked.push(timed(target.other));
    await sleep(1000 / OTHERS_PER_SECOND);
  }
  return Promise.all(asked);
}

async function timed(work) {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

async function openBare() {
  const server = spawn(process.execPath, [join(import.meta.dirname, 'bare-login.mjs')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(server.stdout, 'data');
  const ask = async (method) => {
    const answer = await fetch(String(line).trim(), { method });
    await answer.arrayBuffer();
    if (!answer.ok) throw new Error(`${method}: ${answer.status}`);
  };
  return {
    login: () => ask('POST'),
    other: () => ask('GET'),
    close: async () => {
      const exit = once(server, 'exit');
      server.kill('SIGTERM');
      await exit;
    },
  };
}
