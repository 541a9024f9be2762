import { DomainError } from '#libs/kernel';
import { waitFor } from '../waiting.js';
import type { AgentFolder, Identity } from './agent-folder.js';
import { nonceArgument } from './agent-process.js';
import { findByArgument, signalGroup, startMark } from './process-table.js';

const KILL_WAIT_MS = 5_000;

/** The agent's process as its identity file knows it, if it still runs. */
export async function alive(folder: AgentFolder): Promise<Identity | undefined> {
  const identity = folder.read('identity');
  return identity !== undefined && (await startMark(identity.pid)) === identity.startMark ? identity : undefined;
}

/**
 * As {@link alive}, and takes over a process spawned by a worker that died before it wrote the identity. Only under the
 * agent's lock: it settles the intent.
 */
export async function aliveOrAdopted(folder: AgentFolder): Promise<Identity | undefined> {
  const intent = folder.read('intent');
  const known = await alive(folder);
  if (intent === undefined) return known;
  const adopted = intent.nonce === known?.nonce ? undefined : await byNonce(intent.nonce);
  if (adopted !== undefined) folder.write('identity', adopted);
  folder.drop('intent');
  return adopted ?? known;
}

/**
 * Asks the process to end, kills its group after `timeoutMs`, and waits until it is gone.
 * @throws DomainError code `stop_failed` when even the kill does not end it.
 */
export async function end(folder: AgentFolder, timeoutMs: number, signal: AbortSignal): Promise<void> {
  const identity = await aliveOrAdopted(folder);
  if (identity === undefined) return;
  const gone = async (): Promise<boolean> => {
    signal.throwIfAborted();
    return (await startMark(identity.pid)) !== identity.startMark;
  };
  signalGroup(identity.pid, 'SIGTERM');
  if (await waitFor(gone, timeoutMs)) return;
  signalGroup(identity.pid, 'SIGKILL');
  if (await waitFor(gone, KILL_WAIT_MS)) return;
  throw new DomainError('unavailable', 'stop_failed', `The agent's process ${identity.pid} did not end when killed`);
}

async function byNonce(nonce: string): Promise<Identity | undefined> {
  for (const pid of await findByArgument(nonceArgument(nonce))) {
    const mark = await startMark(pid);
    if (mark !== null) return { nonce, pid, startMark: mark, startedAt: new Date().toISOString() };
  }
  return undefined;
}
