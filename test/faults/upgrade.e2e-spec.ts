import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { emptyDatabase, eventually, freePort } from '#libs/testing';
import { AgentoClient, type WireAgent, textOf } from '../e2e/client.js';
import { agentProcesses, killIfAlive } from './programs.js';
import { formerVersion } from './upgrade/former-version.js';
import { RollingInstallation } from './upgrade/rolling-installation.js';
import { type Promised, Traffic } from './upgrade/traffic.js';

/** Traffic on each state of the installation. */
const STEADY_MS = 2_000;
/** What a chat ends with that begins while the edge of its host is being replaced. */
const AWAY = ['edge_unreachable'];
/** The former version did not let a chat finish when its programs were told to end. */
const CUT_BY_FORMER = ['interrupted', 'answer_cut'];
const PRESENT = process.cwd();

describe('an upgrade under traffic, one program after the other', () => {
  let former: string;
  let dataDir: string;
  let database: Awaited<ReturnType<typeof emptyDatabase>>;
  let installation: RollingInstallation;
  let client: AgentoClient;
  let talker: WireAgent;
  let renamed: WireAgent;

  beforeAll(async () => {
    former = await formerVersion();
    database = await emptyDatabase();
    dataDir = mkdtempSync(join(tmpdir(), 'rookery-upgrade-'));
    chmodSync(dataDir, 0o711);
    installation = await RollingInstallation.open({
      NODE_ENV: 'test',
      JWT_SECRET: 'jwt-secret-for-tests-0123456789abcdef',
      MASTER_KEY: 'master-key-for-tests-0123456789abcde',
      EDGE_RELAY_PORT: String(await freePort()),
      EDGE_AGENT_PORT: String(await freePort()),
      RATE_LIMIT_PER_MINUTE: '1000000',
      RUNTIME: 'process',
      HOST_ID: 'upgraded-host',
      DATABASE_URL: database.url,
      DATA_DIR: dataDir,
    });
    await installation.migrate(former);
    for (const name of ['worker', 'api', 'edge'] as const) await installation.replace(name, former);
    client = new AgentoClient(installation.url, await installation.firstKey(former));
    [talker, renamed] = await Promise.all([client.createDemoAgent('Talker'), client.createDemoAgent('Renamed')]);
  }, 300_000);
  afterAll(async () => {
    await installation?.close();
    for (const { pid } of dataDir ? agentProcesses(dataDir) : []) killIfAlive(pid);
    await database?.close();
    if (dataDir) rmSync(dataDir, { recursive: true, force: true });
    if (former && former !== PRESENT) await rm(dirname(former), { recursive: true, force: true });
  }, 120_000);

  const pids = (): number[] =>
    [talker, renamed].flatMap(({ id }) => agentProcesses(dataDir, id).map(({ pid }) => pid)).sort();

  async function query<Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> {
    const connection = new Client({ connectionString: database.url });
    await connection.connect();
    try {
      return (await connection.query<Row>(text, values)).rows;
    } finally {
      await connection.end();
    }
  }

  async function underTraffic(
    label: string,
    forNow: readonly string[],
    change: () => Promise<void>,
  ): Promise<Promised> {
    const traffic = new Traffic(client, talker.id, renamed.id, label, forNow);
    let promised: Promised;
    try {
      await sleep(STEADY_MS);
      await change();
      await sleep(STEADY_MS);
    } finally {
      promised = await traffic.stop();
    }
    return promised;
  }

  /** Everything that was answered is there, and nothing else went on. */
  async function isKept({ answered, made, deleted, name, surprises }: Promised): Promise<void> {
    expect(surprises).toEqual([]);
    const stored = await query<{ content: string }>(
      `SELECT m.content FROM messages m JOIN runs r ON r.id = m.run_id
        WHERE m.agent_id = $1 AND m.role = 'user' AND r.status = 'completed' AND m.content = ANY ($2::text[])`,
      [talker.id, answered],
    );
    expect(stored.map(({ content }) => content).sort()).toEqual([...answered].sort());
    expect(answered.length).toBeGreaterThan(10);
    expect(made.length + deleted.length).toBeGreaterThan(1);
    expect((await client.agent(renamed.id)).name).toBe(name);
    for (const id of made) {
      await eventually(async () => (await client.agent(id)).status === 'running', { timeoutMs: 30_000 });
    }
    const gone = await Promise.all(deleted.map((id) => client.call('GET', `/v1/agents/${id}`)));
    expect(new Set(gone.map(({ status }) => status))).toEqual(new Set(deleted.length > 0 ? [404] : []));
    await eventually(() => deleted.every((id) => agentProcesses(dataDir, id).length === 0), { timeoutMs: 30_000 });
    const left = await query(`SELECT id FROM runs WHERE status IN ('pending', 'running')`);
    expect(left).toEqual([]);
  }

  it('loses nothing, refuses nothing for good, and leaves the agents running', async () => {
    const before = pids();
    expect(before).toHaveLength(2);
    const promised = await underTraffic('Up', [...AWAY, ...CUT_BY_FORMER], async () => {
      await installation.migrate(PRESENT);
      await sleep(STEADY_MS);
      for (const name of ['api', 'worker', 'edge'] as const) {
        await installation.replace(name, PRESENT);
        await sleep(STEADY_MS);
      }
    });
    await isKept(promised);
    expect(pids()).toEqual(before);
  }, 180_000);

  it('can be taken back: the former programs work with the newer schema', async () => {
    const before = pids();
    const promised = await underTraffic('Back', AWAY, async () => {
      for (const name of ['edge', 'worker', 'api'] as const) {
        await installation.replace(name, former);
        await sleep(STEADY_MS);
      }
    });
    await isKept(promised);
    expect(pids()).toEqual(before);
    expect(textOf(await client.chat(talker.id, 'Are you well?'))).not.toBe('');
  }, 180_000);
});
