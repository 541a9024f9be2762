import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';

/** jest's modules cannot load PGlite, a thread of Node's own can. */
const THREAD = `
const { parentPort, workerData } = require('node:worker_threads');
void (async () => {
  const { PGlite } = await import(workerData.pglite);
  const { vector } = await import(workerData.vector);
  const db = await PGlite.create({ extensions: { vector } });
  let turn = Promise.resolve();
  const answer = async ({ id, text, values }) => {
    try {
      const rows = values ? (await db.query(text, values)).rows : void (await db.exec(text));
      parentPort.postMessage({ id, rows });
    } catch (error) {
      parentPort.postMessage({ id, error: error.message });
    }
  };
  parentPort.on('message', (message) => (turn = turn.then(() => answer(message))));
  parentPort.postMessage({ id: 0 });
})();`;

interface Answer {
  readonly id: number;
  readonly rows?: unknown[];
  readonly error?: string;
}

/** Postgres in WASM with the extension pgvector: one session, in memory. */
export interface PgliteServer {
  /** Without values several statements. */
  query<Row>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  close(): Promise<void>;
}

export async function startPglite(): Promise<PgliteServer> {
  const require = createRequire(join(process.cwd(), 'package.json'));
  const url = (name: string): string => pathToFileURL(require.resolve(name)).href;
  const workerData = { pglite: url('@electric-sql/pglite'), vector: url('@electric-sql/pglite-pgvector') };
  const thread = new Worker(THREAD, { eval: true, workerData });
  const waiting = new Map<number, (answer: Answer) => void>();
  let lastId = 0;
  thread.on('message', (answer: Answer) => {
    waiting.get(answer.id)?.(answer);
    waiting.delete(answer.id);
  });
  await new Promise<void>((resolve, reject) => {
    waiting.set(0, () => resolve());
    thread.once('error', reject);
  });
  return {
    query: async <Row>(text: string, values?: readonly unknown[]) => {
      const id = (lastId += 1);
      const { rows, error } = await new Promise<Answer>((resolve) => {
        waiting.set(id, resolve);
        thread.postMessage({ id, text, values });
      });
      if (error !== undefined) throw new Error(error);
      return (rows ?? []) as Row[];
    },
    close: async () => void (await thread.terminate()),
  };
}
