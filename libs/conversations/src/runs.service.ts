import { Inject, Injectable } from '@nestjs/common';
import { Notices } from '#libs/events';
import { Instance } from '#libs/instances';
import { type Scope, isUuid, notFound } from '#libs/kernel';
import type { ChatEvent, ChatRunState, FollowOptions } from './chat.js';
import { INTERRUPTED, runInProgress } from './conversations.errors.js';
import { RunPump } from './run-pump.js';
import { type NewRun, type OpenedSession, type RunProgress, RunsRepository } from './runs.repository.js';

/** A follower looks at the run at least this often, whatever happens to notices. */
const LOOK_AGAIN_MS = 30_000;

/** A committed run. */
export interface OpenedRun extends OpenedSession {
  readonly runId: string;
}

/** Opens runs and lets any replica follow them. */
@Injectable()
export class RunsService {
  constructor(
    @Inject(RunsRepository) private readonly repository: RunsRepository,
    @Inject(RunPump) private readonly pump: RunPump,
    @Inject(Notices) private readonly notices: Notices,
    @Inject(Instance) private readonly instance: Instance,
  ) {}

  /**
   * Commits a run with its messages.
   * @returns undefined when the agent does not run or the owner has no such session.
   * @throws DomainError `conflict` code `run_in_progress` while the session answers another message.
   */
  async open(scope: Scope, run: Omit<NewRun, 'instanceId'>): Promise<OpenedRun | undefined> {
    const wanted: NewRun = { ...run, instanceId: this.instance.id };
    let opened = await this.repository.open(scope, wanted);
    if (opened === 'busy' && (await this.freeDeadSession(scope, run)))
      opened = await this.repository.open(scope, wanted);
    if (opened === 'busy') throw runInProgress();
    return opened && { ...opened, runId: run.runId };
  }

  /** The reply after an offset, then what comes, from this process's memory or from Postgres. */
  async *follow(scope: Scope, agentId: string, runId: string, options: FollowOptions): AsyncGenerator<ChatEvent> {
    const { afterOffset = 0, signal } = options;
    const live = this.pump.find(runId);
    if (live && live.scope.orgId === scope.orgId && live.agentId === agentId) {
      yield* live.reply.read(afterOffset, signal);
      return;
    }
    yield* this.followStored(scope, agentId, runId, afterOffset, signal);
  }

  /** @throws DomainError `not_found` unless the agent has such a run. */
  async get(scope: Scope, agentId: string, runId: string): Promise<ChatRunState> {
    const known = await this.find(scope, agentId, runId);
    if (!known) throw notFound('Run');
    return known;
  }

  async find(scope: Scope, agentId: string, runId: string): Promise<ChatRunState | undefined> {
    return isUuid(runId) && isUuid(agentId) ? this.repository.find(scope, agentId, runId) : undefined;
  }

  private async *followStored(
    scope: Scope,
    agentId: string,
    runId: string,
    afterOffset: number,
    signal: AbortSignal,
  ): AsyncGenerator<ChatEvent> {
    let offset = afterOffset;
    let knownBytes = 0;
    const look = async (): Promise<RunProgress | undefined> => {
      const found = await this.repository.progress(scope, agentId, runId, knownBytes);
      if (!found) throw notFound('Run');
      return found.content !== null || found.status !== 'running' ? found : undefined;
    };
    while (!signal.aborted) {
      const found = await this.notices.until('run', runId, look, { timeoutMs: LOOK_AGAIN_MS, signal });
      if (!found) continue;
      const { content } = found;
      if (content !== null) {
        knownBytes = Buffer.byteLength(content);
        const text = content.slice(offset);
        offset = Math.max(offset, content.length);
        if (text !== '') yield { kind: 'text', offset, text };
      }
      if (found.status !== 'running') {
        yield endOf(found);
        return;
      }
    }
  }

  /** A dead instance's run must not keep its session busy until the next sweep. */
  private async freeDeadSession(scope: Scope, run: Pick<NewRun, 'agentId' | 'owner' | 'sessionId'>): Promise<boolean> {
    const closed = await this.repository.closeOfDeadInstances({ ...run, orgId: scope.orgId });
    closed.forEach((runId) => this.notices.notify('run', runId));
    return closed.length > 0;
  }
}

const endOf = (run: RunProgress): ChatEvent =>
  run.status === 'completed'
    ? { kind: 'done' }
    : {
        kind: 'error',
        code: run.error_code ?? run.status,
        message:
          run.error_message ?? (run.status === 'interrupted' ? INTERRUPTED.message : `The run was ${run.status}`),
      };
