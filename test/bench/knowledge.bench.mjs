// Knowledge in process: search over many vectors and real sentences beside other requests, and ingest with an embedder
// that costs nothing.
// Run after the build: node test/bench/knowledge.bench.mjs [vectors=100000] [ingested=10000]
import 'reflect-metadata';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { globSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { Table, quantile } from './harness.mjs';
import { openRookery } from './rookery.mjs';

const VECTORS = Number(process.argv[2] ?? 100_000);
const INGESTED = Number(process.argv[3] ?? 10_000);
const DIMENSIONS = 512;
const CLUSTERS = 500;
const QUERIES = 200;
const WRITERS = 4;
const GUARD_MS = 5;
/** In every chunk: what a search for it costs must not grow with the base. */
const COMMON = 'Handbook entry';
const SENTENCES = 4;

/** The same numbers in each run (mulberry32). */
function dice(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const next = dice(42);
const plain = () => Float32Array.from({ length: DIMENSIONS }, () => next() + next() + next() - 1.5);
const unit = (vector) => {
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
};
const centres = Array.from({ length: CLUSTERS }, () => unit(plain()));
/** Texts are about something: vectors lie around centres, no two as near as a duplicate. */
const near = (n) => {
  const centre = centres[n % CLUSTERS];
  const noise = unit(plain());
  return unit(centre.map((value, i) => value + noise[i] * 0.9));
};

/** What people wrote about the software that lies here. */
const sentences = [
  ...new Set(
    globSync('{.,docs,libs/*,node_modules/*,node_modules/@*/*}/*.md', { cwd: join(import.meta.dirname, '..', '..') })
      .map((path) => readFileSync(path, 'utf8').replaceAll(/```[\s\S]*?```/g, ' '))
      .flatMap((text) => text.replaceAll(/<[^>]*>|[#*`|[\]()]/g, ' ').split(/(?<=[.!?])\s+/))
      .map((sentence) => sentence.replaceAll(/\s+/g, ' ').trim())
      .filter(({ length }) => length > 40 && length < 300),
  ),
];
const sentence = () => sentences[Math.floor(next() * sentences.length)];
const textOf = (seq) => `${COMMON} ${seq}. ${Array.from({ length: SENTENCES }, sentence).join(' ')}`;
/** A few words out of one sentence, as somebody would ask. */
const question = () => sentence().split(' ').slice(0, 12).join(' ');

const vectorOf = new Map();
const embedder = createServer((req, res) => {
  void json(req).then(({ input }) => {
    const data = input.map((text, index) => {
      if (!vectorOf.has(text)) vectorOf.set(text, near(Math.floor(next() * CLUSTERS)));
      return { index, embedding: Buffer.from(vectorOf.get(text).buffer).toString('base64') };
    });
    res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ data }));
  });
}).listen(0, '127.0.0.1');
await once(embedder, 'listening');

const EMBEDDINGS_URL = `http://127.0.0.1:${embedder.address().port}/v1`;
const rookery = await openRookery({ EMBEDDINGS_URL, VECTOR_STORE: 'memory', VECTOR_CACHE_MB: '1024' });
const table = new Table(`Knowledge: ${VECTORS} x ${DIMENSIONS} vectors, ${INGESTED} chunks ingested`);
try {
  await ingest();
  await search();
  table.finish();
} finally {
  await rookery.close();
  embedder.closeAllConnections();
  embedder.close();
}

/** Twice, each time into a base of its own: the target is for a program that has run for a while. */
async function ingest() {
  table.row('ingested a second, just started', await ingested('Cold'), '/s');
  const perSecond = await ingested('Warm');
  table.row('ingested a second, then', perSecond, '/s');
  table.row('ingest below 2,000 a second by', Math.max(0, 2_000 - perSecond), '/s', 0);
}

/** How many a second. */
async function ingested(name) {
  const swarm = await rookery.call('POST', '/v1/swarms', { name });
  const texts = Array.from({ length: INGESTED }, (_v, n) => `${name} chunk ${n} about ${n % CLUSTERS}`);
  texts.forEach((text, n) => vectorOf.set(text, near(n)));
  const calls = Array.from({ length: Math.ceil(INGESTED / 100) }, (_v, n) => texts.slice(n * 100, n * 100 + 100));
  const began = performance.now();
  let stored = 0;
  const writer = async () => {
    for (let chunk = calls.shift(); chunk; chunk = calls.shift()) {
      const chunks = chunk.map((text) => ({ text, source: 'bench' }));
      const answer = await rookery.call('POST', '/v1/knowledge/ingest', { swarmId: swarm.id, chunks });
      stored += answer.stored;
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, writer));
  const perSecond = INGESTED / ((performance.now() - began) / 1_000);
  table.row('chunks lost', INGESTED - stored, '', 0);
  return perSecond;
}

/** Rows are written past the API: what is measured is the search. */
async function search() {
  const swarm = await rookery.call('POST', '/v1/swarms', { name: 'Search' });
  await rookery.call('POST', '/v1/knowledge/ingest', {
    swarmId: swarm.id,
    chunks: [{ text: 'first', source: 'bench' }],
  });
  const vectors = await insertRows(swarm.id);
  const ask = (text, limit = 10) =>
    rookery.call('GET', `/v1/knowledge/search?swarmId=${swarm.id}&limit=${limit}&q=${encodeURIComponent(text)}`);
  const began = performance.now();
  await ask('warm');
  table.row('first search, all read', performance.now() - began, 'ms');
  await built(ask, began);
  const alone = await others(async () => sleep(3_000));
  const texts = Array.from({ length: QUERIES }, question);
  const times = [];
  const beside = await others(async () => times.push(...(await timesOf(ask, texts))));
  table.times('search over HTTP', times, { p50: 10, p99: 50 });
  const common = Array.from({ length: QUERIES / 4 }, (_v, n) => `${COMMON} ${n}`);
  table.times('search for words that every chunk has', await timesOf(ask, common), { p99: 50 });
  table.times('other requests, alone', alone);
  table.times('other requests, beside searches', beside, { p99: Math.max(GUARD_MS, 2 * quantile(alone, 0.99)) });
  let found = 0;
  for (const text of texts) found += recall(vectors, vectorOf.get(text), await ask(text, 50));
  table.row('recall@10 below 0.95 by', Math.max(0, 0.95 - found / QUERIES), '', 0);
  table.row('recall@10', found / QUERIES, '');
}

async function timesOf(ask, texts) {
  const times = [];
  for (const [n, text] of texts.entries()) {
    vectorOf.set(text, near(n));
    const start = performance.now();
    await ask(text);
    times.push(performance.now() - start);
  }
  return times;
}

async function insertRows(swarmId) {
  const client = new pg.Client({ connectionString: await databaseUrl() });
  client.on('error', () => undefined);
  await client.connect();
  const base = (await client.query('SELECT * FROM knowledge_bases WHERE swarm_id = $1', [swarmId])).rows[0];
  const vectors = [];
  for (let from = 2; from <= VECTORS; from += 1_000) {
    const seqs = Array.from({ length: Math.min(1_000, VECTORS - from + 1) }, (_v, n) => from + n);
    const rows = seqs.map((seq) => near(seq));
    rows.forEach((vector, n) => (vectors[seqs[n]] = vector));
    await client.query(
      `INSERT INTO knowledge_chunks (base_id, seq, id, org_id, source, type, text, text_hash)
       SELECT $1, n, gen_random_uuid(), $2, 'bench', 'article', t, int4send(n) FROM unnest($3::int[], $4::text[]) r(n, t)`,
      [base.id, base.org_id, seqs, seqs.map(textOf)],
    );
    await client.query(
      `INSERT INTO knowledge_embeddings (base_id, embedder, seq, org_id, pos, vector)
       SELECT $1, $2, s, $3, s, v FROM unnest($4::int[], $5::bytea[]) AS r(s, v)`,
      [base.id, base.embedder, base.org_id, seqs, rows.map((vector) => Buffer.from(vector.buffer))],
    );
  }
  const counts = 'head = $2::int, chunk_count = $2::int, vector_head = $2::int';
  await client.query(`UPDATE knowledge_bases SET ${counts} WHERE id = $1`, [base.id, VECTORS]);
  await client.query('ANALYZE knowledge_chunks');
  await client.end();
  return vectors;
}

/** The launcher's Postgres, as its children know it. */
async function databaseUrl() {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const variables = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
      const mine = variables.includes(`DATA_DIR=${rookery.dataDir}`);
      const url = variables.find((line) => line.startsWith('DATABASE_URL='));
      if (mine && url) return url.slice('DATABASE_URL='.length);
    } catch {
      // Gone, or not ours.
    }
  }
  throw new Error('No program of this Rookery was found');
}

/** Waits until the index lies in its file, and the searches that still map it are over. */
async function built(ask, began) {
  if (VECTORS <= 20_000) return;
  while (globSync('vectors/*/*.usearch.json', { cwd: rookery.dataDir }).length === 0) {
    await ask('building');
    await sleep(1_000);
    if (performance.now() - began > 900_000) throw new Error('The index was not built within 15 min');
  }
  table.row('until the index was built', (performance.now() - began) / 1_000, 's');
  for (let n = 0; n < 20; n += 1) await ask(`warm ${n}`);
}

/** Times of small requests while `work` goes on. */
async function others(work) {
  const times = [];
  let over = false;
  const asking = (async () => {
    while (!over) {
      const start = performance.now();
      await rookery.text('GET', '/v1/account');
      times.push(performance.now() - start);
      await sleep(5);
    }
  })();
  await work();
  over = true;
  await asking;
  return times;
}

/** Of the ten nearest, how many are among the hits, whatever their words brought in beside them. */
function recall(vectors, query, hits) {
  const dot = (vector) => vector.reduce((sum, value, i) => sum + value * query[i], 0);
  const scored = [];
  vectors.forEach((vector, seq) => scored.push([seq, dot(vector)]));
  const exact = new Set(
    scored
      .sort((a, b) => b[1] - a[1])
      .slice(0, 10)
      .map(([seq]) => String(seq)),
  );
  return hits.filter(({ text }) => exact.has(/^\D+(\d+)\./.exec(text)?.[1])).length / 10;
}
