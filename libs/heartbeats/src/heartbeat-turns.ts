import { Inject, Injectable } from '@nestjs/common';
import { type ChatEvent, ChatService } from '#libs/conversations';
import { Instance } from '#libs/instances';
import { type Caller, DomainError } from '#libs/kernel';
import { Logger, Metrics } from '#libs/observability';
import { type ExecutionEnd, ExecutionsRepository } from './executions.repository.js';
import { type HeartbeatExecution, heartbeatMessage } from './heartbeat.js';
import { INTERRUPTED } from './heartbeats.errors.js';

/** The shortest interval: a turn that takes longer is given up. */
export const LONGEST_TURN_SECONDS = 300;
const MOST_RESPONSE_CHARACTERS = 4_000;

/** Carries begun executions: each is a chat turn of this process, in the agent's own session for heartbeats. */
@Injectable()
export class HeartbeatTurns {
  private readonly ended;

  constructor(
    @Inject(ChatService) private readonly chat: ChatService,
    @Inject(ExecutionsRepository) private readonly executions: ExecutionsRepository,
    @Inject(Instance) private readonly instance: Instance,
    @Inject(Logger) private readonly logger: Logger,
    @Inject(Metrics) metrics: Metrics,
  ) {
    this.ended = metrics.counter('rookery_heartbeats_total', 'Heartbeats that ended, by status', ['status']);
  }

  /** Asks the agent and writes what came of it. @returns the execution as it is then. */
  async carry(execution: HeartbeatExecution): Promise<HeartbeatExecution> {
    const { orgId, id, agentId } = execution;
    const end = await this.ask(execution).catch((error: unknown) => this.failureOf(execution, error));
    const written = await this.executions.finish({ orgId }, id, this.instance.id, end);
    if (written) this.ended.inc({ status: written.status });
    return written ?? (await this.executions.find({ orgId }, agentId, id)) ?? execution;
  }

  private async ask({ orgId, agentId, id, checklist }: HeartbeatExecution): Promise<ExecutionEnd> {
    const patience = AbortSignal.timeout(LONGEST_TURN_SECONDS * 1000);
    const run = await this.chat.send(clockOf(orgId, agentId), agentId, { message: heartbeatMessage(checklist) }, id);
    let response = '';
    let last: ChatEvent | undefined;
    for await (const event of run.events(patience)) {
      if (event.kind === 'text' && response.length < MOST_RESPONSE_CHARACTERS) response += event.text;
      last = event;
    }
    const answer = response.slice(0, MOST_RESPONSE_CHARACTERS).replace(/\p{Surrogate}/gu, '\uFFFD') || null;
    if (last?.kind === 'done') return { status: 'completed', response: answer, errorMessage: null };
    if (patience.aborted) return failed(`the agent did not answer within ${LONGEST_TURN_SECONDS} s`, answer);
    if (last?.kind !== 'error') return failed(INTERRUPTED, answer);
    return failed(last.code === 'interrupted' ? INTERRUPTED : last.message, answer);
  }

  private failureOf({ id, agentId }: HeartbeatExecution, error: unknown): ExecutionEnd {
    if (error instanceof DomainError && error.kind !== 'internal') return failed(error.message);
    this.logger.error('a heartbeat failed', { executionId: id, agentId, error });
    return failed('The heartbeat failed inside Rookery');
  }
}

const failed = (errorMessage: string, response: string | null = null): ExecutionEnd => ({
  status: 'failed',
  response,
  errorMessage,
});

/** On whose behalf an agent is woken: nobody's. The session of this name is the agent's own for heartbeats. */
const clockOf = (orgId: string, agentId: string): Caller => ({
  kind: 'agent',
  subject: `heartbeat:${agentId}`,
  orgId,
  agentId,
  role: 'VIEWER',
  scopes: ['chat'],
  isPlatformAdmin: false,
});
