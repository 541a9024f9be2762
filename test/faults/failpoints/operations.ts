import type { Agent, AgentsService } from '#libs/agents';
import type { Caller } from '#libs/kernel';
import type { WorkerWorld } from '../worker-world.js';

/** How an agent stands between two operations; a `new` one runs, and its files were never stored; one `elsewhere` runs on another host. */
export type Standing = 'new' | 'running' | 'stopped' | 'paused' | 'elsewhere' | 'gone';

/** What an owner, or Rookery by itself, does to an agent, seen from outside. */
export interface Operation {
  readonly name: string;
  /** Null: there is none yet. */
  readonly from: Standing | null;
  readonly to: Standing;
  run(at: Bench, agentId: string): Promise<unknown>;
  /** What else has to be so in the end; throws. */
  holds?(at: Bench, agentId: string): Promise<void>;
  /** The instance is another one afterwards. */
  readonly renews?: true;
}

/** What operations work with. */
export interface Bench {
  readonly world: WorkerWorld;
  readonly adapter: Adapter;
  /** Of this kill; another one at the next. */
  readonly trial: number;
}

/** What only an adapter knows of its agents. */
export interface Adapter {
  readonly environment: Readonly<Record<string, string>>;
  /** Names of the instances that run; more than one is an error wherever it is seen. */
  running(agentId: string): Promise<string[]>;
  /** Names of all that is kept for the agent on the host: instance, files, networks, numbers. Instances apart from their names. */
  kept(agentId: string): Promise<string[]>;
  /** Writes a file as the agent would. */
  write(agentId: string, path: string, content: string): Promise<void>;
  read(agentId: string, path: string): Promise<string>;
  /** The variable in the environment of the instance that runs. */
  variable(agentId: string, name: string): Promise<string | undefined>;
  /** Takes the workspace away, as a lost disk would. */
  loseFiles(agentId: string): Promise<void>;
  readonly images?: Images;
  /** Where there are several hosts: brings a running agent to the one it is to be on. */
  bring?(agentId: string, standing: Standing): Promise<void>;
}

/** What agents may be updated to: two that do, and one that never becomes ready. */
export interface Images {
  readonly good: readonly [string, string];
  readonly broken: string;
}

export const NOTES = 'notes.md';
const MEMORY = 'memory/operator/birthday.md';
const modelOf = ({ trial }: Bench): string => `demo-${trial}`;

type Command = 'start' | 'stop' | 'pause' | 'resume' | 'restart' | 'repair' | 'delete';

const commanded =
  (command: Command) =>
  ({ world }: Bench, agentId: string): Promise<Agent> =>
    agentsOf(world)[command](callerOf(world), agentId);

const agentsOf = (world: WorkerWorld): AgentsService => world.agents;
const callerOf = (world: WorkerWorld): Caller => world.org.caller;

export async function isStored(world: WorkerWorld, agentId: string, path: string): Promise<boolean> {
  const query = 'SELECT path FROM agent_workspace_files WHERE agent_id = $1 AND path = $2';
  return (await world.query(query, [agentId, path])).length === 1;
}

const updatedTo =
  (choose: (images: Images, present: string) => string) =>
  async ({ world, adapter }: Bench, agentId: string): Promise<void> => {
    const { image } = await world.agents.get(world.org.caller, agentId);
    await world.agents.updateImage(world.org.caller, agentId, choose(adapter.images!, image));
  };

/** The newest word about its image. */
const updateEnds =
  (expected: 'done' | 'returned') =>
  async ({ world }: Bench, agentId: string): Promise<void> => {
    const [last] = (await world.agents.why(world.org.caller, agentId)).imageUpdates;
    const { image, previousImage } = await world.agents.get(world.org.caller, agentId);
    if (last?.outcome !== expected || previousImage !== null) throw new Error(`its update is ${last?.outcome}`);
    const ends = expected === 'done' ? last.image : last.previousImage;
    if (image !== ends) throw new Error(`it is on ${image}, not on ${ends}`);
  };

/** Every lifecycle operation on one host, in an order in which each leaves agents for the next. */
export const OPERATIONS: readonly Operation[] = [
  {
    name: 'create',
    from: null,
    to: 'new',
    run: ({ world }, agentId) =>
      world.agents.create(
        world.org.caller,
        { name: 'Ada', secrets: {}, config: { llmProvider: 'demo' }, soulMd: 'I am Ada' },
        agentId,
      ),
  },
  {
    name: 'save files',
    from: 'new',
    to: 'running',
    run: ({ world }, agentId) =>
      world.query('UPDATE agent_workspaces SET next_sync_at = now() WHERE agent_id = $1', [agentId]),
    holds: async ({ world }, agentId) => {
      if (!(await isStored(world, agentId, NOTES))) throw new Error('its files are not stored');
    },
  },
  {
    name: 'change the configuration and restart',
    from: 'running',
    to: 'running',
    renews: true,
    run: async (bench, agentId) => {
      const { agents, org } = bench.world;
      await agents.update(org.caller, agentId, { config: { model: modelOf(bench) } });
      await agents.restart(org.caller, agentId);
    },
    holds: async (bench, agentId) => {
      const model = await bench.adapter.variable(agentId, 'ROOKERY_MODEL');
      if (model !== modelOf(bench)) throw new Error(`it runs with the model ${model}`);
    },
  },
  { name: 'restart', from: 'running', to: 'running', renews: true, run: commanded('restart') },
  { name: 'stop', from: 'running', to: 'stopped', run: commanded('stop') },
  { name: 'start', from: 'stopped', to: 'running', run: commanded('start') },
  { name: 'pause', from: 'running', to: 'paused', run: commanded('pause') },
  { name: 'resume', from: 'paused', to: 'running', run: commanded('resume') },
  {
    name: 'bring the files back from the storage',
    from: 'stopped',
    to: 'running',
    run: async ({ world, adapter }, agentId) => {
      await adapter.loseFiles(agentId);
      await world.agents.start(world.org.caller, agentId);
    },
  },
  { name: 'repair', from: 'running', to: 'running', renews: true, run: commanded('repair') },
  {
    name: 'reset the memory',
    from: 'running',
    to: 'running',
    renews: true,
    run: async ({ world, adapter }, agentId) => {
      await adapter.write(agentId, MEMORY, 'the 3rd of May');
      await world.agents.resetMemory(world.org.caller, agentId);
    },
    holds: async ({ world, adapter }, agentId) => {
      const found = await adapter.read(agentId, MEMORY).catch(() => undefined);
      if (found !== undefined) throw new Error('it remembers');
      if (await isStored(world, agentId, MEMORY)) throw new Error('what it remembered is stored');
    },
  },
  {
    name: 'update the image',
    from: 'running',
    to: 'running',
    renews: true,
    run: updatedTo(({ good }, present) => good.find((image) => image !== present)!),
    holds: updateEnds('done'),
  },
  {
    name: 'go back from a broken image',
    from: 'running',
    to: 'running',
    renews: true,
    run: updatedTo(({ broken }) => broken),
    holds: updateEnds('returned'),
  },
  { name: 'delete', from: 'running', to: 'gone', run: commanded('delete') },
];
