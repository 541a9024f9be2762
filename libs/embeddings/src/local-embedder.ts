import { Worker } from 'node:worker_threads';
import { DomainError, compiledFile } from '#libs/kernel';
import { type Embedder, normalised } from './embedder.js';
import { blended } from './lexical-vector.js';

const BATCH = 32;
/** Texts that may wait for the one thread; more are refused. */
const MOST_WAITING = 2_000;

interface Answer {
  readonly id: number;
  readonly vectors?: Float32Array;
  readonly dimensions?: number;
  readonly error?: string;
}

interface Waiting {
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

export const LOCAL_EMBEDDER = 'local/energetic-en-0.2-ngrams';

/**
 * The offline model: English, 512 dimensions, in a worker thread of its own that starts with the first text. Nothing
 * leaves the machine.
 */
export class LocalEmbedder implements Embedder {
  readonly id = LOCAL_EMBEDDER;
  private thread: Worker | undefined;
  private readonly waiting = new Map<number, Waiting>();
  private lastId = 0;
  private texts = 0;

  async embed(texts: readonly string[], signal: AbortSignal): Promise<Float32Array[]> {
    if (this.texts + texts.length > MOST_WAITING) {
      throw new DomainError('unavailable', 'embedder_busy', 'Too many texts wait to be embedded; try again shortly', {
        retryAfterSeconds: 5,
      });
    }
    this.texts += texts.length;
    try {
      const vectors: Float32Array[] = [];
      for (let at = 0; at < texts.length; at += BATCH) {
        signal.throwIfAborted();
        vectors.push(...(await this.batch(texts.slice(at, at + BATCH))));
      }
      return vectors;
    } finally {
      this.texts -= texts.length;
    }
  }

  async close(): Promise<void> {
    await this.thread?.terminate();
  }

  private async batch(texts: readonly string[]): Promise<Float32Array[]> {
    const id = (this.lastId += 1);
    const thread = this.started();
    const answer = await new Promise<Answer>((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      thread.postMessage({ id, texts });
    });
    const { vectors, dimensions = 0 } = answer;
    if (!vectors) throw failed(answer.error ?? 'no vectors');
    return texts.map((text, index) =>
      blended(text, normalised(vectors.slice(index * dimensions, (index + 1) * dimensions))),
    );
  }

  private started(): Worker {
    if (this.thread) return this.thread;
    const thread = new Worker(compiledFile('libs/embeddings/src/local-thread.js'));
    thread.unref();
    thread.on('message', (answer: Answer) => {
      this.waiting.get(answer.id)?.resolve(answer);
      this.waiting.delete(answer.id);
    });
    thread.on('error', (error) => this.lose(error));
    thread.on('exit', () => this.lose(new Error('the thread ended')));
    this.thread = thread;
    return thread;
  }

  /** The next text starts another thread. */
  private lose(error: unknown): void {
    this.thread = undefined;
    for (const { reject } of this.waiting.values()) reject(failed(String(error)));
    this.waiting.clear();
  }
}

const failed = (why: string): DomainError =>
  new DomainError('unavailable', 'embedder_failed', 'The text could not be embedded just now', {}, new Error(why));
