import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { sleep } from '../waiting.js';
import type { AgentFolder } from './agent-folder.js';

const REPORT_MS = 500;

/** Writes down how the processes that this worker started end; of adopted ones nobody learns it. */
export class Endings {
  /** By nonce: settled once the end is written down. */
  private readonly watched = new Map<string, Promise<void>>();

  watch(child: ChildProcess, folder: AgentFolder, nonce: string): void {
    this.watched.set(nonce, this.write(child, folder, nonce));
  }

  /** The kernel shows an end before Node reports how it came: waits a moment for the report. */
  async written(nonce: string): Promise<void> {
    await Promise.race([this.watched.get(nonce), sleep(REPORT_MS)]);
  }

  private async write(child: ChildProcess, folder: AgentFolder, nonce: string): Promise<void> {
    try {
      await once(child, 'exit');
      const current = folder.read('intent') ?? folder.read('identity');
      const ending = { nonce, exitCode: child.exitCode, oomKilled: child.signalCode === 'SIGABRT' };
      if (current?.nonce === nonce) folder.write('ending', ending);
    } catch {
      // the state says "exited" without a code, as after a worker's death
    } finally {
      this.watched.delete(nonce);
    }
  }
}
