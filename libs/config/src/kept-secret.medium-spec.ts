import { afterAll, expect, it } from '@jest/globals';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { loadConfig } from './load-config.js';

const dataDir = mkdtempSync(join(tmpdir(), 'rookery-config-'));
const file = join(dataDir, 'secrets', 'master-key');
const load = () => loadConfig({ DATABASE_URL: 'postgres://127.0.0.1/rookery', DATA_DIR: dataDir }).security.masterKey;

afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

/** Looks at the file as fast as it can from another thread, and says how long its text was whenever it was there. */
async function watchWhile(work: () => void): Promise<number[]> {
  const program = `
    const { workerData, parentPort } = require('node:worker_threads');
    const { readFileSync } = require('node:fs');
    const lengths = new Set();
    parentPort.postMessage('watching');
    const until = Date.now() + 400;
    while (Date.now() < until) try { lengths.add(readFileSync(workerData, 'utf8').length); } catch {}
    parentPort.postMessage([...lengths]);`;
  const watcher = new Worker(program, { eval: true, workerData: file });
  return new Promise((resolve, reject) => {
    watcher.on('error', reject);
    watcher.on('message', (message: string | number[]) => (typeof message === 'string' ? work() : resolve(message)));
  });
}

it('shows a new secret whole or not at all, to whoever starts at the same moment', async () => {
  const lengths = await watchWhile(() => {
    for (let round = 0; round < 200; round++) {
      rmSync(file, { force: true });
      load();
    }
  });
  expect(lengths).toEqual([43]);
});

it('keeps one secret, readable by nobody else, and leaves no draft', () => {
  expect(load()).toBe(load());
  expect(readFileSync(file, 'utf8')).toBe(load());
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(join(dataDir, 'secrets')).sort()).toEqual(['jwt-secret', 'master-key']);
});

it('refuses a kept secret that is too short, by name', () => {
  writeFileSync(file, 'short');
  expect(load).toThrow(/MASTER_KEY in .*master-key must have at least 32 characters/);
});
