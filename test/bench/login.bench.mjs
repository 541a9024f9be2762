// Sign-ins with argon2id a second, and what they do to other requests. A whole Rookery beside this process, which only asks.
// Run after the build: node test/bench/login.bench.mjs [seconds=15]
import { setTimeout as sleep } from 'node:timers/promises';
import { Table, quantile } from './harness.mjs';
import { openRookery } from './rookery.mjs';

const SECONDS = Number(process.argv[2] ?? 15);
const LOGINS_PER_SECOND = 60;
const SLOWER = 3;
const ACCOUNTS = 16;
const OTHERS_PER_SECOND = 50;
const PASSWORD = 'Bench-Pass-4711';

const rookery = await openRookery({ REGISTRATION: 'open', RATE_LIMIT_AUTH_PER_MINUTE: '1000000000' });
try {
  const emails = Array.from({ length: ACCOUNTS }, (_, nr) => `bench-${nr}@example.test`);
  for (const email of emails) {
    await rookery.text('POST', '/api/v1/auth/register', { email, password: PASSWORD, name: 'Bench' });
  }
  await measure(emails);
} finally {
  await rookery.close();
}

async function measure(emails) {
  const table = new Table(
    `Sign-ins with argon2id of ${ACCOUNTS} accounts for ${SECONDS} s, ${OTHERS_PER_SECOND} other requests a second`,
  );
  await others(3);
  const alone = await others(SECONDS);
  const end = performance.now() + SECONDS * 1000;
  const [beside, ...took] = await Promise.all([others(SECONDS), ...emails.map((email) => logins(email, end))]);
  const times = took.flat();
  const perSecond = times.length / SECONDS;
  table.row('sign-ins a second', perSecond, '/s');
  table.row(`${LOGINS_PER_SECOND} / sign-ins a second`, LOGINS_PER_SECOND / perSecond, 'x', 1);
  table.times('a sign-in', times);
  table.times('another request, without sign-ins', alone);
  table.times('another request, beside them', beside);
  table.row('beside / without, p99', quantile(beside, 0.99) / quantile(alone, 0.99), 'x', SLOWER);
  table.finish();
}

/** One after the other, as a person would; the accounts are at it at once. */
async function logins(email, end) {
  const times = [];
  while (performance.now() < end) {
    const started = performance.now();
    await rookery.text('POST', '/api/v1/auth/login', { email, password: PASSWORD });
    times.push(performance.now() - started);
  }
  return times;
}

/** Requests at a steady pace, whether those before were answered or not. */
async function others(seconds) {
  const asked = [];
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    asked.push(timed());
    await sleep(1000 / OTHERS_PER_SECOND);
  }
  return Promise.all(asked);
}

async function timed() {
  const started = performance.now();
  await rookery.call('GET', '/v1/account');
  return performance.now() - started;
}
