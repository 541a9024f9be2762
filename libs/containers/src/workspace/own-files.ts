import type { ContainerSpec } from '../container-runtime.js';
import { isWorkspacePath } from '../spec-checks.js';

/** Where the adapters keep what they know of a workspace inside of it. */
export const PRIVATE_FOLDER = '.rookery';

const CONTROL_PLANE = ['SOUL.md', 'IDENTITY.md', 'WORKFLOW.md', 'rules', 'skills', PRIVATE_FOLDER];
const CACHES = ['.cache', '.npm', '.node-compile-cache'];

/**
 * Files and folders of a workspace that are not the agent's own, by runtime: what the control plane writes, and caches that
 * may be lost (the house's transcripts, which Postgres refills). All else is stored.
 */
export const NOT_OWN: Readonly<Record<ContainerSpec['runtime'], readonly string[]>> = {
  house: [...CONTROL_PLANE, ...CACHES, '.state'],
  openclaw: [...CONTROL_PLANE, ...CACHES, '.openclaw/openclaw.json', '.openclaw/gateway.log', '.openclaw/logs'],
};

/**
 * What an agent remembers, by runtime: its notes, what it keeps of conversations, and OpenClaw's whole state. Of a file that
 * users edit too, what they wrote comes back with the next instance.
 */
export const MEMORY: Readonly<Record<ContainerSpec['runtime'], readonly string[]>> = {
  house: ['memory', 'MEMORY.md', '.state'],
  openclaw: ['memory', 'MEMORY.md', '.state', '.openclaw'],
};

const MOST_PATH_BYTES = 1024;

/** Tells for a runtime whether the file of a path is the agent's own; a path that is no plain one never is. */
export function ownFiles(runtime: ContainerSpec['runtime']): (path: string) => boolean {
  const excluded = NOT_OWN[runtime];
  return (path) =>
    isWorkspacePath(path) &&
    !path.includes('\u{FFFD}') &&
    Buffer.byteLength(path) <= MOST_PATH_BYTES &&
    !excluded.some((name) => path === name || path.startsWith(`${name}/`));
}
