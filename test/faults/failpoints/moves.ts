import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, freePort } from '#libs/testing';
import type { WorkerWorld } from '../worker-world.js';
import type { Adapter, Bench, Operation, Standing } from './operations.js';
import { processAdapter } from './process-adapter.js';

/** The hosts of a world: the worker that ends is the one of `here`. */
export interface TwoHosts {
  readonly here: Adapter;
  readonly there: Adapter;
}

/** A host of its own on this machine. */
export async function hostAdapter(world: WorkerWorld, id: string): Promise<Adapter> {
  const dataDir = join(world.dataDir, id);
  mkdirSync(dataDir, { mode: 0o711 });
  return processAdapter(world, {
    HOST_ID: id,
    DATA_DIR: dataDir,
    STORAGE_DIR: join(world.dataDir, 'storage'),
    WORKSPACE_SYNC_SECONDS: '3600',
    EDGE_RELAY_PORT: String(await freePort()),
    EDGE_AGENT_PORT: String(await freePort()),
  });
}

const idOf = ({ environment }: Adapter): string => environment['HOST_ID']!;

/** What the drain of its host writes for an agent. */
const moveTo = (world: WorkerWorld, agentId: string, host: string): Promise<unknown> =>
  world.query('UPDATE agents SET next_host_id = $2 WHERE id = $1 AND host_id <> $2', [agentId, host]);

async function hostOf(world: WorkerWorld, agentId: string): Promise<string | undefined> {
  const query = 'SELECT coalesce(next_host_id, host_id) AS id FROM agents WHERE id = $1';
  return (await world.query<{ id: string }>(query, [agentId]))[0]?.id;
}

/** Agents of two hosts as if they were of one. */
export function adapterOf(world: WorkerWorld, { here, there }: TwoHosts): Adapter {
  const at = async (agentId: string): Promise<Adapter> =>
    (await hostOf(world, agentId)) === idOf(here) ? here : there;
  return {
    ...here,
    kept: async (agentId) => [
      ...(await here.kept(agentId)),
      ...(await there.kept(agentId)).map((name) => `there ${name}`),
    ],
    write: async (agentId, path, content) => (await at(agentId)).write(agentId, path, content),
    read: async (agentId, path) => (await at(agentId)).read(agentId, path),
    bring: async (agentId, standing) => {
      const host = standing === 'elsewhere' ? there : here;
      await moveTo(world, agentId, idOf(host));
      await eventually(() => isAt(world, { here, there }, agentId, standing), { timeoutMs: 60_000, intervalMs: 250 });
    },
  };
}

/** It is the host's, and nothing of it is left on the other. @throws what is not so */
async function isAt(world: WorkerWorld, { here, there }: TwoHosts, agentId: string, at: Standing): Promise<true> {
  const [host, other] = at === 'elsewhere' ? [there, here] : [here, there];
  const query = `SELECT id FROM agents WHERE id = $1 AND host_id = $2 AND next_host_id IS NULL AND status = 'running'`;
  const rows = await world.query(query, [agentId, idOf(host)]);
  if (rows.length === 0) throw new Error(`it does not run on ${idOf(host)}`);
  const left = await other.kept(agentId);
  if (left.length > 0) throw new Error(`${left.join(', ')} is left of it on ${idOf(other)}`);
  return true;
}

/** The worker of `here` ends while agents leave its host, and while they come to it. */
export function movesBetween(hosts: TwoHosts): readonly Operation[] {
  const move = (from: Standing, to: Standing, host: Adapter): Pick<Operation, 'from' | 'to' | 'run' | 'holds'> => ({
    from,
    to,
    run: ({ world }: Bench, agentId) => moveTo(world, agentId, idOf(host)),
    holds: async ({ world }, agentId) => void (await isAt(world, hosts, agentId, to)),
  });
  return [
    { name: 'leave the host', renews: true, ...move('running', 'elsewhere', hosts.there) },
    { name: 'come to the host', renews: true, ...move('elsewhere', 'running', hosts.here) },
  ];
}
