import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { Worker, parentPort, workerData } from 'node:worker_threads';
import type { Index } from 'usearch';
import { CoarseRows, coarsened } from './coarse-rows.js';

/**
 * The thread that holds the in-process indexes, so that no search stands in the way of requests. A target is a matrix,
 * scanned exactly; past a size its front becomes an HNSW file, mapped from disk, which a thread of its own builds.
 */

/** How many rows are looked at closely for each vector of `near`. */
const NEAR_LOOKS = 4;
/** The library keeps all distances of a call, 16 bytes each. */
const MOST_DISTANCES = 1_000_000;
const EXPANSION = 128;
const CONNECTIVITY = 16;
const SLICE = 500;

type Usearch = typeof import('usearch');

export interface BuildOrder {
  readonly path: string;
  /** Rows of a former file that go before these. */
  readonly from: string | undefined;
  readonly dimensions: number;
  readonly seqs: Uint32Array;
  readonly vectors: Float32Array;
}

interface Target {
  readonly dimensions: number;
  seqs: Uint32Array;
  rows: Float32Array;
  count: number;
  readonly coarse: CoarseRows;
  readonly dead: Set<number>;
  index: Index | undefined;
  indexPath: string | undefined;
  indexed: number;
  /** While a file is built: what was forgotten meanwhile, and is in it nevertheless. */
  forgotten: number[] | undefined;
}

export type Request =
  | { readonly op: 'open'; readonly key: string; readonly dimensions: number; readonly path?: string | undefined }
  | { readonly op: 'append'; readonly key: string; readonly seqs: Uint32Array; readonly vectors: Float32Array }
  | { readonly op: 'keep'; readonly key: string; readonly seqs: Uint32Array }
  | {
      readonly op: 'search';
      readonly key: string;
      readonly vector: Float32Array;
      readonly limit: number;
      readonly only?: readonly number[] | undefined;
    }
  | {
      readonly op: 'near';
      readonly key: string;
      readonly vectors: Float32Array;
      readonly threshold: number;
      readonly after: number;
    }
  | { readonly op: 'build'; readonly key: string; readonly path: string }
  | { readonly op: 'drop'; readonly key: string };

export interface Size {
  /** Rows in the matrix. */
  readonly count: number;
  /** Rows in the file. */
  readonly indexed: number;
  readonly dead: number;
}

const targets = new Map<string, Target>();
let usearch: Usearch | undefined;

async function library(): Promise<Usearch> {
  usearch ??= await import('usearch');
  return usearch;
}

async function newIndex(dimensions: number): Promise<Index> {
  const { Index, MetricKind, ScalarKind } = await library();
  return new Index({
    dimensions,
    metric: MetricKind.IP,
    quantization: ScalarKind.F32,
    connectivity: CONNECTIVITY,
    expansion_add: EXPANSION,
    expansion_search: EXPANSION,
    multi: false,
  });
}

async function open(key: string, dimensions: number, path: string | undefined): Promise<Size> {
  const target: Target = {
    dimensions,
    seqs: new Uint32Array(256),
    rows: new Float32Array(256 * dimensions),
    count: 0,
    coarse: new CoarseRows(dimensions),
    dead: new Set(),
    index: undefined,
    indexPath: undefined,
    indexed: 0,
    forgotten: undefined,
  };
  targets.set(key, target);
  if (path !== undefined && existsSync(path)) await map(target, path);
  return sizeOf(target);
}

async function map(target: Target, path: string): Promise<void> {
  const index = await newIndex(target.dimensions);
  index.view(path);
  target.index = index;
  target.indexPath = path;
  target.indexed = index.size();
}

const sizeOf = ({ count, indexed, dead }: Target): Size => ({ count, indexed, dead: dead.size });

function append(target: Target, seqs: Uint32Array, vectors: Float32Array): Size {
  const needed = target.count + seqs.length;
  if (needed > target.seqs.length) {
    const capacity = Math.max(needed, target.seqs.length * 2);
    const [oldSeqs, oldRows] = [target.seqs, target.rows];
    target.seqs = new Uint32Array(capacity);
    target.seqs.set(oldSeqs.subarray(0, target.count));
    target.rows = new Float32Array(capacity * target.dimensions);
    target.rows.set(oldRows.subarray(0, target.count * target.dimensions));
  }
  target.seqs.set(seqs, target.count);
  target.rows.set(vectors, target.count * target.dimensions);
  target.count = needed;
  return sizeOf(target);
}

/** Forgets every row that is not among these. */
function keep(target: Target, seqs: Uint32Array): Size {
  const alive = new Set(seqs);
  const { dimensions, rows } = target;
  let kept = 0;
  for (let row = 0; row < target.count; row += 1) {
    const seq = target.seqs[row] ?? 0;
    if (!alive.has(seq)) {
      target.forgotten?.push(seq);
      continue;
    }
    target.seqs[kept] = seq;
    rows.copyWithin(kept * dimensions, row * dimensions, (row + 1) * dimensions);
    kept += 1;
  }
  target.count = kept;
  target.coarse.clear();
  target.dead.clear();
  if (target.index) for (const seq of seqsOf(target.index, alive)) target.dead.add(seq);
  return sizeOf(target);
}

/** An index does not list its keys: those it holds are counted up from 1 to the highest. */
function seqsOf(index: Index, alive: ReadonlySet<number>): number[] {
  const dead: number[] = [];
  let left = index.size();
  for (let seq = 1; left > 0 && seq < 0xffff_ffff; seq += 1) {
    if (!index.contains(BigInt(seq))) continue;
    left -= 1;
    if (!alive.has(seq)) dead.push(seq);
  }
  return dead;
}

/** Sums that are declared as a pattern, `let [a, b] = [0, 0]`, are several times slower. */
function dot(rows: Float32Array, at: number, vector: Float32Array): number {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  let i = 0;
  for (; i + 3 < vector.length; i += 4) {
    a += rows[at + i]! * vector[i]!;
    b += rows[at + i + 1]! * vector[i + 1]!;
    c += rows[at + i + 2]! * vector[i + 2]!;
    d += rows[at + i + 3]! * vector[i + 3]!;
  }
  for (; i < vector.length; i += 1) a += rows[at + i]! * vector[i]!;
  return a + b + c + d;
}

type Hit = [seq: number, similarity: number];

/** The best `limit`, nearest first; a small sorted list beats a heap at these sizes. */
class Best {
  readonly hits: Hit[] = [];

  constructor(private readonly limit: number) {}

  get least(): number {
    return this.hits.length < this.limit ? -Infinity : (this.hits.at(-1)?.[1] ?? -Infinity);
  }

  offer(seq: number, similarity: number): void {
    if (similarity <= this.least) return;
    let place = this.hits.length;
    while (place > 0 && this.hits[place - 1]![1] < similarity) place -= 1;
    this.hits.splice(place, 0, [seq, similarity]);
    if (this.hits.length > this.limit) this.hits.pop();
  }
}

function search(target: Target, vector: Float32Array, limit: number, only: readonly number[] | undefined): Hit[] {
  const best = new Best(limit);
  const allowed = only && new Set(only);
  for (let row = 0; row < target.count; row += 1) {
    const seq = target.seqs[row]!;
    if (allowed && !allowed.has(seq)) continue;
    best.offer(seq, dot(target.rows, row * target.dimensions, vector));
  }
  for (const [seq, similarity] of indexedHits(target, vector, limit, allowed)) best.offer(seq, similarity);
  return best.hits;
}

/** Asks the file for more until enough of what it gives may be shown. */
function indexedHits(
  target: Target,
  vector: Float32Array,
  limit: number,
  allowed: ReadonlySet<number> | undefined,
): Hit[] {
  const { index, indexed, dead } = target;
  if (!index) return [];
  for (let ask = allowed ? limit * 20 : limit + Math.min(dead.size, limit); ; ask *= 4) {
    const { keys, distances } = index.search(vector, Math.min(ask, indexed), 1);
    const hits: Hit[] = [];
    for (let i = 0; i < keys.length; i += 1) {
      const seq = Number(keys[i]);
      if (!dead.has(seq) && (!allowed || allowed.has(seq))) hits.push([seq, 1 - distances[i]!]);
    }
    if (hits.length >= limit || ask >= indexed) return hits;
  }
}

/** One byte a vector: 1 when a row numbered above `after` is at least as near as `threshold`. */
async function near(target: Target, { vectors, threshold, after }: Request & { op: 'near' }): Promise<Uint8Array> {
  const { exactSearch, MetricKind } = await library();
  const { dimensions, rows } = target;
  const found = new Uint8Array(vectors.length / dimensions);
  const vectorOf = (n: number): Float32Array => vectors.subarray(n * dimensions, (n + 1) * dimensions);
  if (target.index) {
    found.forEach((_no, n) => {
      const [nearest] = indexedHits(target, vectorOf(n), NEAR_LOOKS, undefined).filter(([seq]) => seq > after);
      found[n] = (nearest?.[1] ?? -1) >= threshold ? 1 : 0;
    });
  }
  const places = rowsAfter(target, after);
  if (places.length === 0) return found;
  const looks = Math.min(NEAR_LOOKS, places.length);
  const coarse = target.coarse.of(rows, target.count, places);
  const atOnce = Math.max(1, Math.floor(MOST_DISTANCES / places.length));
  for (let first = 0; first < found.length; first += atOnce) {
    const some = coarsened(vectors.subarray(first * dimensions, (first + atOnce) * dimensions));
    const { keys } = exactSearch(coarse, some, dimensions, looks, MetricKind.IP, 1);
    keys.forEach((key, at) => {
      const n = first + Math.floor(at / looks);
      if (dot(rows, places[Number(key)]! * dimensions, vectorOf(n)) >= threshold) found[n] = 1;
    });
  }
  return found;
}

function rowsAfter({ seqs, count }: Target, after: number): Uint32Array {
  const places = new Uint32Array(count);
  let found = 0;
  for (let row = 0; row < count; row += 1) if (seqs[row]! > after) places[found++] = row;
  return places.subarray(0, found);
}

/** Moves the whole matrix into the file, in a thread of its own; what comes meanwhile stays in the matrix. */
async function build(target: Target, path: string): Promise<Size> {
  if (target.forgotten) return sizeOf(target);
  target.forgotten = [];
  const { count, dimensions } = target;
  try {
    const order: BuildOrder = {
      path,
      from: target.indexPath,
      dimensions,
      seqs: target.seqs.slice(0, count),
      vectors: target.rows.slice(0, count * dimensions),
    };
    // The order's own numbers go to the builder with it.
    const moved = new Set(order.seqs);
    await run(order);
    await map(target, path);
    for (const seq of target.forgotten) target.dead.add(seq);
    let kept = 0;
    for (let row = 0; row < target.count; row += 1) {
      if (moved.has(target.seqs[row]!)) continue;
      target.seqs[kept] = target.seqs[row]!;
      target.rows.copyWithin(kept * dimensions, row * dimensions, (row + 1) * dimensions);
      kept += 1;
    }
    target.count = kept;
    target.seqs = target.seqs.slice(0, Math.max(kept, 256));
    target.rows = target.rows.slice(0, Math.max(kept, 256) * dimensions);
    target.coarse.clear();
    return sizeOf(target);
  } finally {
    target.forgotten = undefined;
  }
}

function run(order: BuildOrder): Promise<void> {
  return new Promise((resolve, reject) => {
    const { file } = workerData as { file: string };
    const builder = new Worker(file, {
      workerData: { file, order },
      transferList: [order.seqs.buffer as ArrayBuffer, order.vectors.buffer as ArrayBuffer],
    });
    builder.once('error', reject);
    builder.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`The builder ended with ${code}`))));
  });
}

/** What the builder's thread does: a file beside the old one, put in its place when it is whole. */
async function buildFile({ path, from, dimensions, seqs, vectors }: BuildOrder): Promise<void> {
  const index = await newIndex(dimensions);
  if (from !== undefined) index.load(from);
  for (let at = 0; at < seqs.length; at += SLICE) {
    const keys = BigUint64Array.from(seqs.subarray(at, at + SLICE), BigInt);
    index.add(
      keys,
      [...keys].map((_key, n) => vectors.subarray((at + n) * dimensions, (at + n + 1) * dimensions)),
      1,
    );
  }
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${process.pid}.draft`;
  try {
    index.save(draft);
    renameSync(draft, path);
  } finally {
    rmSync(draft, { force: true });
  }
}

async function handle(request: Request): Promise<unknown> {
  if (request.op === 'open') return open(request.key, request.dimensions, request.path);
  const target = targets.get(request.key);
  if (!target) throw new Error(`Target ${request.key} is not open`);
  switch (request.op) {
    case 'append':
      return append(target, request.seqs, request.vectors);
    case 'keep':
      return keep(target, request.seqs);
    case 'search':
      return search(target, request.vector, request.limit, request.only);
    case 'near':
      return near(target, request);
    case 'build':
      return build(target, request.path);
    case 'drop':
      return targets.delete(request.key);
  }
}

const { order } = (workerData ?? {}) as { order?: BuildOrder };
if (order) void buildFile(order);
else {
  parentPort?.on('message', ({ id, request }: { id: number; request: Request }) => {
    handle(request).then(
      (value) => parentPort?.postMessage({ id, value }),
      (error: unknown) =>
        parentPort?.postMessage({ id, error: error instanceof Error ? error.message : String(error) }),
    );
  });
}
