import { Inject, Injectable, type StreamableFile } from '@nestjs/common';
import { AgentLogsService } from '#libs/agents';
import type { Caller } from '#libs/kernel';
import { sse } from '../../../http/sse.js';
import { lineIdOf, logFrames } from '../agento.stream.js';

export interface FollowLogs {
  readonly tail: number;
  readonly lastEventId: string | undefined;
  readonly signal: AbortSignal;
}

/** Opens the stream of an agent's log. */
@Injectable()
export class FollowedLogs {
  constructor(@Inject(AgentLogsService) private readonly logs: AgentLogsService) {}

  /** Asks for no line first: an unknown agent is refused before the stream begins. */
  async open(caller: Caller, agentId: string, options: FollowLogs): Promise<StreamableFile> {
    await this.logs.tail(caller, agentId, 0);
    const { tail, lastEventId, signal } = options;
    return sse(logFrames(this.logs.follow(caller, agentId, { tail, afterId: lineIdOf(lastEventId), signal })));
  }
}
