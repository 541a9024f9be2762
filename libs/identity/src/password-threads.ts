import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Options } from '@node-rs/argon2';
import { compiledFile } from '#libs/kernel';

export type PasswordTask =
  { readonly password: string; readonly options: Options } | { readonly password: string; readonly phc: string };

/**
 * Threads that hash passwords, of a lower priority than all else in the process: whoever wants a core meanwhile gets it.
 * As many as tasks were ever under way at once.
 */
export class PasswordThreads {
  private readonly idle: Worker[] = [];
  private readonly all = new Set<Worker>();

  /** A PHC string, or whether the password is the one of `phc`. */
  async run(task: PasswordTask): Promise<unknown> {
    const thread = this.idle.pop() ?? this.start();
    thread.ref();
    thread.postMessage(task);
    const [answer] = (await once(thread, 'message')) as unknown[];
    thread.unref();
    this.idle.push(thread);
    return answer;
  }

  async close(): Promise<void> {
    await Promise.all([...this.all].map((thread) => thread.terminate()));
  }

  private start(): Worker {
    const thread = new Worker(compiledFile('libs/identity/src/password-thread.js'));
    this.all.add(thread);
    thread.once('exit', () => this.all.delete(thread));
    return thread;
  }
}
