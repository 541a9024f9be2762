import { randomUUID } from 'node:crypto';
import { eventually } from '#libs/testing';
import { killIfAlive } from '../programs.js';
import type { WorkerWorld } from '../worker-world.js';
import { type Armed, type ArmedWorker, startArmedWorker } from './armed-worker.js';
import { Invariants } from './invariants.js';
import { adapterOf } from './moves.js';
import { type Adapter, type Bench, NOTES, type Operation, isStored } from './operations.js';
import { type Passed, chosen, killPoints, spread } from './points.js';
import { CONVERGED_WITHIN_MS, type Outcome } from './survivors.js';

const ALL = process.env.FAILPOINTS !== undefined;
/** More than are sent away at once, in two regions: no step does all. */
const REGIONS = ['eu', 'eu', 'us', 'us', 'us'] as const;
/** A host is dead after 30 s, in which nothing else happens. */
const BEGUN_WITHIN_MS = 90_000;
const QUIET_MS = 45_000;
const LOOK = { timeoutMs: 60_000, intervalMs: 100 };
/** For whom a worker acts when it looks after hosts. */
const HOSTS = '*';

/** A host of two, and its worker. */
export interface Side {
  readonly adapter: Adapter;
  worker: ArmedWorker;
}

/** A reason why all agents of a host go to another, `to`. */
export interface Evacuation {
  readonly name: string;
  /** Whose worker sees to it, and is killed. */
  readonly by: 'from' | 'to';
  /** By default too it is killed on the way of single agents. */
  readonly alsoOfEach?: true;
  /** The worker has to find out that the host is dead. */
  readonly waits?: true;
  begin(at: Evacuations): Promise<unknown>;
  /** When all agents are on the other host: all is as it was, but for them. */
  end(at: Evacuations): Promise<unknown>;
}

const idOf = ({ adapter }: Side): string => adapter.environment['HOST_ID']!;

/** Two hosts that agents are sent to and fro between, and the worker that does it is killed on the way. */
export class Evacuations implements Bench {
  trial = 0;
  private agents: readonly string[] = [];
  private isSilenceTried = false;
  private readonly invariants = new Invariants(this);

  constructor(
    readonly world: WorkerWorld,
    public from: Side,
    public to: Side,
  ) {}

  get adapter(): Adapter {
    return adapterOf(this.world, { here: this.to.adapter, there: this.from.adapter });
  }

  static async open(world: WorkerWorld, [one, other]: readonly [Adapter, Adapter]): Promise<Evacuations> {
    const side = async (adapter: Adapter): Promise<Side> => ({
      adapter,
      worker: await startArmedWorker(world, adapter.environment),
    });
    const from = await side(one);
    const evacuations = new Evacuations(world, from, from);
    evacuations.agents = await Promise.all(REGIONS.map((region) => evacuations.agent(region)));
    evacuations.to = await side(other);
    return evacuations;
  }

  /** The worker is killed at every effect that it has on all agents, then as many points of the agents as one kill proves. */
  async prove(evacuation: Evacuation): Promise<Outcome> {
    const kills = this.killsOf(evacuation, await this.discover(evacuation));
    const [failures, missed]: [string[], string[]] = [[], []];
    for (const armed of kills) {
      const outcome = await this.survive(evacuation, armed);
      failures.push(...outcome.failures);
      missed.push(...outcome.missed);
    }
    const points = kills.flat().map(({ point }) => point!);
    process.stdout.write(`${evacuation.name}: SIGKILL at ${points.length} points\n`);
    return { points, failures, missed };
  }

  private killsOf({ name, alsoOfEach }: Evacuation, traces: Record<string, readonly Passed[]>): Armed[][] {
    const operation = { ...this.moved, name };
    const choice = { tried: new Set<string>(), atOnce: 1, againEvery: 1 };
    const few = (points: string[]): string[] => chosen([{ operation, points }], choice).map(({ point }) => point);
    // before the first effect nothing has happened; that jobs are delivered others prove
    const ofAll = killPoints(traces[HOSTS]!.filter(({ point }) => ALL || !point.includes('outbox'))).slice(1);
    const ofEach = killPoints(traces[this.agents[0]!]!);
    const kills: Armed[][] = few(ofAll).map((point) => [{ agentId: HOSTS, point }]);
    const steps = ALL ? few(ofEach) : alsoOfEach ? spread(ofEach, this.agents.length) : [];
    for (let first = 0; first < steps.length; first += this.agents.length) {
      const points = steps.slice(first, first + this.agents.length);
      kills.push(points.map((point, nr) => ({ agentId: this.agents[nr]!, point })));
    }
    return kills;
  }

  /** Nothing comes back from there, until its worker is started again. Its silence is waited for where that matters. */
  async lose(side: Side): Promise<void> {
    await side.worker.end('SIGKILL');
    for (const { pid } of this.world.processes()) killIfAlive(pid);
    if (!this.isSilenceTried) await this.setHost(side, 'dead_since = now()');
  }

  async start(side: Side): Promise<void> {
    side.worker = await startArmedWorker(this.world, side.adapter.environment);
  }

  setHost(side: Side, assignment: string): Promise<unknown> {
    return this.world.query(`UPDATE hosts SET ${assignment} WHERE id = $1`, [idOf(side)]);
  }

  /** Nothing happens to the worker. @returns what it passed, for all and for each agent */
  private async discover(evacuation: Evacuation): Promise<Record<string, readonly Passed[]>> {
    let traces: Record<string, readonly Passed[]> = {};
    const armed = [HOSTS, ...this.agents].map((agentId) => ({ agentId }));
    const failures = await this.evacuate(evacuation, armed, async (by) => {
      await Promise.all(this.agents.map((id) => this.invariants.stands(this.moved, id, Date.now() + BEGUN_WITHIN_MS)));
      traces = Object.fromEntries(Object.entries(await by.worker.report()).map(([id, { trace }]) => [id, trace]));
    });
    if (failures.length > 0) throw new Error(`Without any kill: ${failures.join('; ')}`);
    return traces;
  }

  private async survive(evacuation: Evacuation, armed: Armed[]): Promise<Omit<Outcome, 'points'>> {
    let missed: string[] = [];
    const where = armed.map(({ point }) => point).join(', ');
    const failures = await this.evacuate(evacuation, armed, async (by) => {
      missed = await by.worker.died(BEGUN_WITHIN_MS, QUIET_MS);
      await this.start(by);
    });
    return { missed, failures: failures.map((failure) => `${evacuation.name}: ${where} — ${failure}`) };
  }

  /** @param midst what happens while the agents go. @returns a line for each agent that is not as it should be */
  private async evacuate(
    evacuation: Evacuation,
    armed: Armed[],
    midst: (by: Side) => Promise<void>,
  ): Promise<string[]> {
    this.trial++;
    this.isSilenceTried = evacuation.waits === true && armed.some(({ point }) => point?.includes('dead_since') ?? true);
    const by = evacuation.by === 'to' ? this.to : this.from;
    const before = new Map<string, string[]>();
    for (const id of this.agents) before.set(id, await this.adapter.running(id));
    const isRaced = evacuation.by === 'from';
    if (isRaced) await this.to.worker.arm([{ agentId: HOSTS, held: true }]);
    await by.worker.arm(armed);
    await Promise.all([evacuation.begin(this), midst(by)]);
    const until = Date.now() + CONVERGED_WITHIN_MS;
    if (isRaced) await this.to.worker.arm([]);
    const failures = await this.each((id) => this.invariants.stands(this.moved, id, until));
    await evacuation.end(this);
    const remains = await this.each(async (id) => {
      await eventually(() => this.leftNothing(id), LOOK);
      await this.invariants.learn('running', id);
      await this.invariants.isWhole(this.moved, id, before.get(id)!);
    });
    [this.from, this.to] = [this.to, this.from];
    return [...failures, ...remains];
  }

  private async each(check: (agentId: string) => Promise<void>): Promise<string[]> {
    const found = await Promise.allSettled(this.agents.map((id) => check(id)));
    return found.flatMap((result) => (result.status === 'rejected' ? [String(result.reason)] : []));
  }

  private readonly moved: Operation = {
    name: 'evacuation',
    from: 'running',
    to: 'running',
    renews: true,
    run: () => Promise.resolve(),
    holds: async ({ world }, agentId) => {
      const query = 'SELECT id FROM agents WHERE id = $1 AND host_id = $2 AND next_host_id IS NULL';
      const rows = await world.query(query, [agentId, idOf(this.to)]);
      if (rows.length === 0) throw new Error(`it is not on ${idOf(this.to)}`);
    },
  };

  private async leftNothing(agentId: string): Promise<true> {
    const left = await this.from.adapter.kept(agentId);
    if (left.length > 0) throw new Error(`${left.join(', ')} is left of it on ${idOf(this.from)}`);
    return true;
  }

  private async agent(region: (typeof REGIONS)[number]): Promise<string> {
    const { agents, org } = this.world;
    const config = { llmProvider: 'demo' } as const;
    const { id } = await agents.create(org.caller, { name: 'Ada', secrets: {}, config, region }, randomUUID());
    await this.world.reaches(id, 'running', LOOK.timeoutMs);
    await this.from.adapter.write(id, NOTES, id);
    await this.world.query('UPDATE agent_workspaces SET next_sync_at = now() WHERE agent_id = $1', [id]);
    await eventually(() => isStored(this.world, id, NOTES), LOOK);
    return id;
  }
}

const STRANDED = `SELECT id FROM agents WHERE error_category IS DISTINCT FROM 'host_lost'`;

/** Every reason to leave a host. */
export const EVACUATIONS: readonly Evacuation[] = [
  {
    name: 'its host is lost',
    by: 'to',
    alsoOfEach: true,
    waits: true,
    begin: (at) => at.lose(at.from),
    end: (at) => at.start(at.from),
  },
  {
    name: 'its host is lost, and there is no room elsewhere at first',
    by: 'to',
    begin: async (at) => {
      await at.setHost(at.to, 'draining = true');
      await at.lose(at.from);
      await eventually(async () => (await at.world.query(STRANDED)).length === 0, LOOK);
      await at.setHost(at.to, 'draining = false');
    },
    end: (at) => at.start(at.from),
  },
  {
    name: 'its host is drained',
    by: 'from',
    begin: (at) => at.setHost(at.from, 'draining = true'),
    end: (at) => at.setHost(at.from, 'draining = false'),
  },
];
