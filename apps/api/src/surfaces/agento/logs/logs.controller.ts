import { Get, Headers, Inject, Param, Query, type StreamableFile } from '@nestjs/common';
import { AgentLogsService } from '#libs/agents';
import type { Caller } from '#libs/kernel';
import { CallerOf, ClientGone } from '../../../http/caller-of.js';
import { EventStream } from '../../../http/sse.js';
import { AgentoController, AnswersData, AnswersLines, Refuses, TakesLastEventId } from '../agento.openapi.js';
import { FollowedLogs } from './followed-logs.js';
import { AgentLogsDto, LogsQuery } from './logs.dto.js';
import { toAgentLogs } from './logs.mapper.js';

@AgentoController('Logs', 'v1/agents/:id/logs')
export class LogsController {
  constructor(
    @Inject(AgentLogsService) private readonly logs: AgentLogsService,
    @Inject(FollowedLogs) private readonly followed: FollowedLogs,
  ) {}

  /** The newest lines of the agent's output. */
  @Get()
  @AnswersData(AgentLogsDto, 'The lines, each ended by a line feed')
  @Refuses(400, 404)
  async getAgentLogs(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Query() query: LogsQuery,
  ): Promise<{ data: AgentLogsDto }> {
    return toAgentLogs(await this.logs.tail(caller, id, query.tail ?? 100));
  }

  /** The newest lines and then each new one, as server-sent events, until the client leaves. */
  @Get('stream')
  @EventStream()
  @TakesLastEventId()
  @AnswersLines(
    'One `data:` line a log line, as raw text',
    'id: 41\ndata: 2026-02-10T14:00:05Z [info] Agent started\n\n',
  )
  @Refuses(400, 404)
  streamAgentLogs(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Query() query: LogsQuery,
    @ClientGone() gone: AbortSignal,
    @Headers('last-event-id') lastEventId?: string,
  ): Promise<StreamableFile> {
    return this.followed.open(caller, id, { tail: query.tail ?? 200, lastEventId, signal: gone });
  }
}
