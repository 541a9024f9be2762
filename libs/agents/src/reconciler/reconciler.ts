import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { CONTAINER_RUNTIME, type ContainerRuntime, type ContainerState } from '#libs/containers';
import { isDatabaseDown } from '#libs/database';
import { DomainError } from '#libs/kernel';
import { Logger, runWithContext } from '#libs/observability';
import { FenceLostError } from '../agents.errors.js';
import { AgentClaims } from './agent-claims.js';
import { AgentMoves } from './agent-moves.js';
import { AgentProgress } from './agent-progress.js';
import { AgentRenewal } from './agent-renewal.js';
import { AgentSpecs } from './agent-spec.js';
import type { ClaimedAgent } from './claimed-agent.js';
import { InstanceRemains } from './instance-remains.js';
import { type Failure, failureOf, failureOfExit } from './failure.js';
import { type StepKind, planStep } from './reconcile-plan.js';
import { readyTimeoutOf, stopTimeoutOf } from './runtime-limits.js';
import { SerialRunner } from './serial-runner.js';

const READY_SLICE_MS = 500;
const PROBE_TIMEOUT_MS = 2_000;
const FIRST_PROBE_PAUSE_MS = 10;
const LONGEST_PROBE_PAUSE_MS = 100;
const SWEEP_BATCH = 50;

/** Where a run of the reconciler stands. */
interface Run {
  agent: ClaimedAgent;
  /** Undefined: to be looked up. */
  container?: ContainerState | undefined;
  /** Since when the instance answers as ready without a gap. */
  readySince?: number | undefined;
  readonly signal: AbortSignal;
}

/** A run whose instance was looked at. */
interface Step extends Run {
  readonly container: ContainerState;
}

/** What a step found out; what is missing is read again. */
interface Outcome {
  readonly agent?: ClaimedAgent;
  readonly container?: ContainerState;
  readonly readySince?: number | undefined;
}

const isFatal = (error: unknown): boolean => error instanceof FenceLostError || isDatabaseDown(error);

/** Brings agents of this host where their owners want them, one idempotent step at a time. */
@Injectable()
export class AgentReconciler {
  readonly runner = new SerialRunner();
  private readonly closing = new AbortController();

  constructor(
    @Inject(AgentProgress) private readonly progress: AgentProgress,
    @Inject(CONTAINER_RUNTIME) private readonly runtime: ContainerRuntime,
    @Inject(AgentSpecs) private readonly specs: AgentSpecs,
    @Inject(InstanceRemains) private readonly remains: InstanceRemains,
    @Inject(AgentMoves) private readonly moves: AgentMoves,
    @Inject(Logger) private readonly logger: Logger,
    @Inject(AgentRenewal) private readonly renewal: AgentRenewal,
  ) {}

  private get claims(): AgentClaims {
    return this.progress.claims;
  }

  /** Works on one agent until nothing is left to do, it has to wait, or the claim is lost. */
  reconcile(agentId: string, signal?: AbortSignal): Promise<void> {
    const stop = signal ? AbortSignal.any([signal, this.closing.signal]) : this.closing.signal;
    return this.runner.run(agentId, () => runWithContext({ agentId }, () => this.attempt(agentId, stop)));
  }

  /** Works on all agents of this host that are due; what jobs lost, or workers left, is found here. */
  async sweep(): Promise<void> {
    const ids = await this.claims.claimDue(this.runner.busy, SWEEP_BATCH);
    for (const id of ids) {
      this.reconcile(id).catch((error: unknown) => this.logger.warn('Reconciling failed', { agentId: id, error }));
    }
  }

  /** Lets what is under way end, for at most `patienceMs`, then breaks it off; the next worker goes on with it. */
  async close(patienceMs: number): Promise<void> {
    const patience = setTimeout(() => this.closing.abort(), patienceMs);
    await this.runner.idle();
    clearTimeout(patience);
    this.closing.abort();
  }

  private async attempt(agentId: string, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const agent = await this.claims.claim(agentId);
    if (!agent) return;
    try {
      await this.work({ agent, signal });
    } catch (error) {
      if (!(error instanceof FenceLostError) && !signal.aborted) throw error;
      this.logger.debug('Reconciling ended early', { error });
    }
  }

  private async work(run: Run): Promise<void> {
    while (!run.signal.aborted) {
      const outcome = await this.step(run);
      if (outcome === 'over') return;
      run.agent = outcome.agent ?? (await this.claims.reload(run.agent));
      run.container = outcome.container;
      run.readySince = outcome.readySince;
    }
  }

  /** One step; a failure of it is written, with the time of the next attempt. */
  private async step(run: Run): Promise<Outcome | 'over'> {
    let step: StepKind | 'inspect' = 'inspect';
    try {
      const container = run.container ?? (await this.runtime.inspect(run.agent.id));
      step = planStep(run.agent, container);
      if (step === 'none' || step === 'wait') return 'over';
      const held = await this.claims.hold(run.agent);
      return held === run.agent ? await this.steps[step]({ ...run, container }) : { agent: held };
    } catch (error) {
      if (isFatal(error) || run.signal.aborted) throw error;
      this.logger.warn('A step of the reconciler failed', { step, error });
      return this.failed(run, failureOf(error));
    }
  }

  private readonly steps: Readonly<
    Record<Exclude<StepKind, 'none' | 'wait'>, (run: Step) => Promise<Outcome | 'over'>>
  > = {
    announce: async ({ agent, container }) => ({ agent: await this.progress.announce(agent), container }),
    begin: async ({ agent, container }) => ({ agent: await this.progress.begin(agent), container }),
    ensure: async ({ agent, signal }) => ({
      container: await this.specs.made(agent, (spec) => this.remains.ensure(agent, spec, signal), signal),
    }),
    start: async ({ agent, signal }) => {
      const container = await this.runtime.start(agent.id, signal);
      void this.remains.shipper.follow([agent.id]);
      return { container };
    },
    await_ready: (run) => this.awaitReady(run),
    mark_running: async ({ agent, container }) => ({
      agent: await this.progress.running(agent, container),
      container,
    }),
    crashed: (run) => this.failed(run, failureOfExit(run.container)),
    failed_start: (run) => this.failed(run, failureOfExit(run.container)),
    discard: (run) => this.discard(run),
    mark_stopped: async ({ agent, container }) => ({ agent: await this.progress.stopped(agent), container }),
    depart: async ({ agent, container }) => ({ agent: await this.progress.departing(agent), container }),
    hand_over: async ({ agent }) => {
      await this.moves.handOver(agent);
      return 'over';
    },
    renew: async ({ agent, container, signal }) => ({ agent: await this.renewal.renew(agent, signal), container }),
    erase: async ({ agent, signal }) => {
      await this.remains.forget(agent.id);
      await this.runtime.remove(agent.id, { wipe: true }, signal);
      return { agent: await this.progress.erased(agent, signal) };
    },
  };

  /** Waits a little at a time, so that a changed mind of the owner is noticed. A new image has to stay ready for a while. */
  private async awaitReady({ agent, container, signal, readySince: before }: Step): Promise<Outcome> {
    // the chat that warms it up calls its model, which the edge allows only from where the agent is known to be
    if (agent.runtime === 'openclaw' && agent.endpoint !== container.endpoint) {
      return { agent: await this.claims.locate(agent, container.endpoint), container };
    }
    const until = Date.now() + READY_SLICE_MS;
    const settleMs = this.specs.settleMs(agent);
    let readySince = before;
    let pauseMs = FIRST_PROBE_PAUSE_MS;
    while (Date.now() < until) {
      const patience = AbortSignal.any([signal, AbortSignal.timeout(PROBE_TIMEOUT_MS)]);
      const answer = await this.runtime.probe(agent.id, '/readyz', patience);
      readySince = answer === 200 ? (readySince ?? Date.now()) : undefined;
      if (readySince !== undefined && Date.now() - readySince >= settleMs) {
        return this.isReady({ agent, container, signal });
      }
      await sleep(pauseMs, undefined, { signal });
      pauseMs = Math.min(pauseMs * 1.5, LONGEST_PROBE_PAUSE_MS);
    }
    const patienceMs = readyTimeoutOf(agent.runtime) + settleMs;
    if (Date.now() - (container.startedAt?.getTime() ?? Date.now()) < patienceMs) return { readySince };
    const staying = settleMs === 0 ? '' : ` and for ${settleMs / 1000} s on end`;
    const message = `The agent was not ready within ${patienceMs / 1000} s${staying}`;
    throw new DomainError('upstream_failed', 'provision_failed', message);
  }

  private async isReady({ agent, container, signal }: Step): Promise<Outcome> {
    const patience = AbortSignal.any([signal, AbortSignal.timeout(PROBE_TIMEOUT_MS)]);
    const forPeers = agent.runtime === 'house' || (await this.runtime.probe(agent.id, '/readyz?for=peers', patience));
    const servesPeers = forPeers === true || forPeers === 200;
    return { agent: await this.progress.running(agent, container, servesPeers), container };
  }

  private async discard({ agent, container, signal }: Step): Promise<Outcome> {
    if (container.status === 'running') await this.runtime.stop(agent.id, stopTimeoutOf(agent.runtime), signal);
    let stays = false;
    if (agent.desiredState === 'deleted') await this.remains.forget(agent.id);
    else if (container.status !== 'created') stays = !(await this.remains.keep(agent.id, signal));
    await this.runtime.remove(agent.id, { wipe: false }, signal);
    const left = await this.claims.forgetInstance(agent);
    return { agent: stays && left.nextHostId !== null ? await this.moves.stay(left) : left };
  }

  /** Writes the failure, then clears what the attempt left; where that fails too, the next attempt does it. */
  private async failed(run: Run, failure: Failure): Promise<Outcome> {
    const agent = await this.progress.failed(run.agent, failure);
    if (!agent.waiting || agent.desiredState !== 'running') return { agent };
    try {
      const container = await this.runtime.inspect(agent.id);
      return container.status === 'missing' ? { agent, container } : await this.discard({ ...run, agent, container });
    } catch (error) {
      if (isFatal(error)) throw error;
      this.logger.warn('A failed instance could not be removed yet', { error });
      return { agent };
    }
  }
}
