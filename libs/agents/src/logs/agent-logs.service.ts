import { Inject, Injectable } from '@nestjs/common';
import { Notices } from '#libs/events';
import { type Caller, isUuid, requireScope } from '#libs/kernel';
import type { LogLine } from '../agent.js';
import { agentNotFound } from '../agents.errors.js';
import { AgentLogsRepository } from './agent-logs.repository.js';

/** Most lines one read of the past gives. */
export const LOG_TAIL_MAX = 1000;
const PAGE_SIZE = 500;
const RECHECK_MS = 3_600_000;

export interface FollowLogs {
  /** How many stored lines come first; lowered to {@link LOG_TAIL_MAX}. */
  readonly tail: number;
  /** Go on after this line instead of with a tail. */
  readonly afterId?: number;
  readonly signal: AbortSignal;
}

/** An agent's output for those who may read it. */
@Injectable()
export class AgentLogsService {
  constructor(
    @Inject(AgentLogsRepository) private readonly logs: AgentLogsRepository,
    @Inject(Notices) private readonly notices: Notices,
  ) {}

  /** The newest lines, oldest first; `lines` is lowered to {@link LOG_TAIL_MAX}. @throws DomainError `not_found`. */
  async tail(caller: Caller, agentId: string, lines: number): Promise<LogLine[]> {
    await this.allow(caller, agentId);
    return this.logs.tail(caller, agentId, clamp(lines));
  }

  /**
   * Stored lines, then each new one, until the signal fires.
   * @throws DomainError `not_found` before the first line.
   */
  async *follow(caller: Caller, agentId: string, options: FollowLogs): AsyncIterable<LogLine> {
    await this.allow(caller, agentId);
    let cursor = options.afterId ?? 0;
    if (options.afterId === undefined) {
      const wanted = clamp(options.tail);
      const past = await this.logs.tail(caller, agentId, Math.max(1, wanted));
      cursor = past.at(-1)?.id ?? 0;
      yield* past.slice(past.length - Math.min(wanted, past.length));
    }
    while (!options.signal.aborted) {
      for (const line of await this.next(caller, agentId, cursor, options.signal)) {
        cursor = line.id;
        yield line;
      }
    }
  }

  private async next(caller: Caller, agentId: string, after: number, signal: AbortSignal): Promise<LogLine[]> {
    const check = async (): Promise<LogLine[] | undefined> => {
      const lines = await this.logs.after(caller, agentId, after, PAGE_SIZE);
      return lines.length > 0 ? lines : undefined;
    };
    return (await this.notices.until('logs', agentId, check, { timeoutMs: RECHECK_MS, signal })) ?? [];
  }

  private async allow(caller: Caller, agentId: string): Promise<void> {
    requireScope(caller, 'logs');
    if (!isUuid(agentId) || !(await this.logs.exists(caller, agentId))) throw agentNotFound();
  }
}

const clamp = (lines: number): number => Math.max(0, Math.min(LOG_TAIL_MAX, Math.trunc(lines)));
