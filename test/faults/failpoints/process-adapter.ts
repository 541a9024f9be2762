import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { WorkerWorld } from '../worker-world.js';
import type { Adapter, Images } from './operations.js';

/** One look at all processes serves all agents. */
const SEEN_FOR_MS = 100;

/** Folders of programs: the usual one twice, and one that ends at once. */
export function programsOfAgents(folder: string): Images {
  chmodSync(folder, 0o755);
  const [one, other, broken] = [join(folder, 'one'), join(folder, 'other'), join(folder, 'broken')];
  for (const copy of [one, other]) cpSync(join(process.cwd(), 'dist/agent'), copy, { recursive: true });
  mkdirSync(broken);
  writeFileSync(join(broken, 'main.js'), 'process.exit(3);');
  return { good: [one, other], broken };
}

/** Agents as processes: what they are shows in /proc and in the folder of data. */
export function processAdapter(world: WorkerWorld, environment: Record<string, string>, images?: Images): Adapter {
  const dataDir = environment['DATA_DIR'] ?? world.dataDir;
  const folder = (agentId: string): string => join(dataDir, 'agents', agentId);
  const workspace = (agentId: string): string => join(folder(agentId), 'workspace');
  let seen = { atMs: 0, processes: world.processes() };
  const running = (agentId: string): string[] => {
    if (performance.now() - seen.atMs > SEEN_FOR_MS) seen = { atMs: performance.now(), processes: world.processes() };
    return seen.processes.filter((found) => found.agentId === agentId).map(({ pid }) => String(pid));
  };
  const numbers = (book: string, agentId: string): string[] =>
    namesIn(join(dataDir, book)).flatMap((name) => {
      const holder = readlinkSync(join(dataDir, book, name));
      return holder === agentId ? [book] : [];
    });
  return {
    environment,
    ...(images && { images }),
    running: async (agentId) => running(agentId),
    kept: async (agentId) => [
      // the next start takes the lock of a dead worker over
      ...namesIn(folder(agentId)).filter((name) => name !== 'start.lock'),
      ...namesIn(workspace(agentId)).map((name) => `workspace/${name}`),
      ...numbers('ports', agentId),
      ...numbers('users', agentId),
    ],
    write: async (agentId, path, content) => {
      const { uid, gid } = statSync(workspace(agentId));
      const parts = path.split('/');
      for (let depth = 1; depth < parts.length; depth++) {
        const above = join(workspace(agentId), ...parts.slice(0, depth));
        if (!existsSync(above)) mkdirSync(above);
        chownSync(above, uid, gid);
      }
      writeFileSync(join(workspace(agentId), path), content);
      chownSync(join(workspace(agentId), path), uid, gid);
    },
    read: async (agentId, path) => readFileSync(join(workspace(agentId), path), 'utf8'),
    variable: async (agentId, name) =>
      running(agentId)
        .flatMap((pid) => readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0'))
        .find((pair) => pair.startsWith(`${name}=`))
        ?.slice(name.length + 1),
    loseFiles: async (agentId) => rmSync(folder(agentId), { recursive: true }),
  };
}

const namesIn = (path: string): string[] => (existsSync(path) ? readdirSync(path) : []);
