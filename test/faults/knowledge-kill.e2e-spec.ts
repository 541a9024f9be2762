import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { newId } from '#libs/kernel';
import { type EmbeddingServer, embeddingServer, eventually } from '#libs/testing';
import { type WorkerProcess, type WorkerWorld, workerWorld } from './worker-world.js';

const CHUNKS = 1_000;

interface FileRow {
  readonly status: string;
  readonly chunks_done: number;
  readonly stored: number;
  readonly error_code: string | null;
}

/** Paragraphs that no two of are duplicates; each becomes a chunk of its own. */
const PARAGRAPHS = Array.from({ length: CHUNKS }, (_v, n) => {
  const words = createHash('sha512').update(String(n)).digest('hex').match(/.{8}/g)!;
  return `Fact${n} ${words.join(' ')}`;
});

describe('kill -9 of a worker that loads files', () => {
  let embeddings: EmbeddingServer;
  let world: WorkerWorld;
  let workers: WorkerProcess[] = [];
  let fileId: string;
  let baseId: string;

  beforeAll(async () => {
    embeddings = await embeddingServer(256);
    world = await workerWorld();
  }, 60_000);
  afterAll(async () => {
    await world?.close();
    await embeddings?.stop();
  }, 30_000);

  const startWorker = async (): Promise<WorkerProcess> => {
    const worker = await world.startWorker({
      ROLE: 'control',
      EMBEDDINGS_URL: embeddings.url,
      EMBEDDINGS_MODEL: 'words',
      VECTOR_STORE: 'memory',
    });
    workers.push(worker);
    return worker;
  };

  beforeEach(async () => {
    [fileId, baseId] = [newId(), newId()];
    const [agentId, { orgId }] = [newId(), world.org];
    await world.query(`INSERT INTO agents (id, org_id, name, region, image) VALUES ($1, $2, 'A', 'eu', 'x')`, [
      agentId,
      orgId,
    ]);
    await world.query('INSERT INTO knowledge_bases (id, org_id, agent_id, embedder) VALUES ($1, $2, $3, $4)', [
      ...[baseId, orgId, agentId, `openai/${new URL(embeddings.url).host}/words`],
    ]);
    embeddings.delayMs = 100;
  });
  afterEach(async () => {
    for (const worker of workers) await worker.end('SIGKILL');
    workers = [];
  }, 30_000);

  const handOver = (text: string): Promise<unknown> =>
    world.query(
      `INSERT INTO knowledge_files (id, org_id, base_id, name, format, chunk_size, metadata, size_bytes, content, created_by)
       VALUES ($1, $2, $3, 'facts.txt', 'txt', 200, '{}', $4, $5, 'user:x')`,
      [fileId, world.org.orgId, baseId, Buffer.byteLength(text), Buffer.from(text)],
    );

  const file = async (): Promise<FileRow> => {
    const [row] = await world.query<FileRow>('SELECT * FROM knowledge_files WHERE id = $1', [fileId]);
    if (!row) throw new Error('The file is gone');
    return row;
  };
  const texts = async (): Promise<string[]> =>
    (
      await world.query<{ text: string }>('SELECT text FROM knowledge_chunks WHERE base_id = $1 ORDER BY seq', [baseId])
    ).map(({ text }) => text);
  const reaches = (done: number): Promise<unknown> =>
    eventually(async () => (await file()).chunks_done >= done, { timeoutMs: 30_000, intervalMs: 5 });
  /** As when the minute of the claim is over. */
  const expireClaim = (): Promise<unknown> =>
    world.query(`UPDATE knowledge_files SET claimed_until = now() - interval '1 s' WHERE id = $1`, [fileId]);
  const completes = (): Promise<unknown> =>
    eventually(async () => (await file()).status === 'completed', { timeoutMs: 40_000 });
  const isWhole = async (): Promise<void> => {
    expect(await file()).toMatchObject({ chunks_done: CHUNKS, stored: CHUNKS, error_code: null });
    expect(await texts()).toEqual(PARAGRAPHS);
    const [base] = await world.query('SELECT head, chunk_count, vector_head::int FROM knowledge_bases WHERE id = $1', [
      baseId,
    ]);
    expect(base).toEqual({ head: CHUNKS, chunk_count: CHUNKS, vector_head: CHUNKS });
  };

  it('is followed by one that goes on, and no chunk is there twice or missing', async () => {
    await handOver(PARAGRAPHS.join('\n\n'));
    for (const done of [0, 1, 400, 700]) {
      const worker = await startWorker();
      await eventually(async () => (await file()).status === 'loading', { timeoutMs: 20_000, intervalMs: 5 });
      await reaches(done);
      await worker.end('SIGKILL');
      const before = await texts();
      expect(before).toHaveLength((await file()).chunks_done);
      expect(before).toEqual(PARAGRAPHS.slice(0, before.length));
      await expireClaim();
    }
    await startWorker();
    await completes();
    await isWhole();
  }, 120_000);

  it('leaves nothing when the file turns out to be too much for its base', async () => {
    await world.query('UPDATE knowledge_bases SET chunk_count = 499600 WHERE id = $1', [baseId]);
    await handOver(PARAGRAPHS.join('\n\n'));
    const worker = await startWorker();
    await reaches(200);
    await worker.end('SIGKILL');
    await expireClaim();
    await startWorker();
    await eventually(async () => (await file()).status === 'failed', { timeoutMs: 40_000 });
    expect(await file()).toMatchObject({ chunks_done: 0, stored: 0, error_code: 'plan_limit_reached' });
    expect(await texts()).toEqual([]);
    expect(await world.query('SELECT chunk_count FROM knowledge_bases WHERE id = $1', [baseId])).toEqual([
      { chunk_count: 499_600 },
    ]);
  }, 90_000);

  it('does no harm when it only stood still and wakes beside its successor', async () => {
    await handOver(PARAGRAPHS.join('\n\n'));
    const sleeper = await startWorker();
    await reaches(200);
    sleeper.child.kill('SIGSTOP');
    await expireClaim();
    await startWorker();
    await reaches(500);
    sleeper.child.kill('SIGCONT');
    await completes();
    await isWhole();
  }, 90_000);
});
