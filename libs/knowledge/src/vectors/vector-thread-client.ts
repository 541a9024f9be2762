import { Worker } from 'node:worker_threads';
import { DomainError, compiledFile } from '#libs/kernel';
import type { Request } from './vector-thread.js';

interface Waiting {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** Requests under way; more are refused. */
const MOST_WAITING = 5_000;

/** This process's side of the thread that holds the in-process indexes. */
export class VectorThread {
  private thread: Worker | undefined;
  private readonly waiting = new Map<number, Waiting>();
  private lastId = 0;

  /** @param lost - the thread died and with it every target; the next request starts another. */
  constructor(private readonly lost: () => void) {}

  /** @throws DomainError `unavailable` when the thread dies or too much waits. */
  ask<T>(request: Request, transfer: readonly ArrayBuffer[] = []): Promise<T> {
    if (this.waiting.size >= MOST_WAITING) return Promise.reject(unavailable('too many requests wait'));
    const id = (this.lastId += 1);
    const thread = this.started();
    return new Promise<unknown>((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      thread.postMessage({ id, request }, [...transfer]);
    }) as Promise<T>;
  }

  async close(): Promise<void> {
    const { thread } = this;
    this.thread = undefined;
    await thread?.terminate();
  }

  private started(): Worker {
    if (this.thread) return this.thread;
    const file = compiledFile('libs/knowledge/src/vectors/vector-thread.js');
    const thread = new Worker(file, { workerData: { file } });
    thread.unref();
    thread.on('message', ({ id, value, error }: { id: number; value?: unknown; error?: string }) => {
      const waiting = this.waiting.get(id);
      this.waiting.delete(id);
      if (error === undefined) waiting?.resolve(value);
      else waiting?.reject(unavailable(error));
    });
    thread.on('error', (error) => this.end(thread, String(error)));
    thread.on('exit', () => this.end(thread, 'the thread ended'));
    this.thread = thread;
    return thread;
  }

  private end(thread: Worker, why: string): void {
    if (this.thread === thread) {
      this.thread = undefined;
      this.lost();
    }
    for (const { reject } of this.waiting.values()) reject(unavailable(why));
    this.waiting.clear();
  }
}

const unavailable = (why: string): DomainError =>
  new DomainError(
    'unavailable',
    'index_unavailable',
    'The index cannot be searched just now; try again',
    {},
    new Error(why),
  );
