import { Get, Headers, Inject, Param, Res, type StreamableFile } from '@nestjs/common';
import { ChatService } from '#libs/conversations';
import type { Caller } from '#libs/kernel';
import type { FastifyReply } from 'fastify';
import { CallerOf, ClientGone } from '../../../http/caller-of.js';
import { EventStream } from '../../../http/sse.js';
import { AgentoController, AnswersData, AnswersEvents, Refuses, TakesLastEventId } from '../agento.openapi.js';
import { CHAT_EVENTS, ChatRunDto } from './chat.dto.js';
import { toChatRun } from './chat.mapper.js';
import { RunStreams } from './run-streams.js';

@AgentoController('Chat', 'v1/agents/:id/chat/runs/:runId')
export class RunsController {
  constructor(
    @Inject(ChatService) private readonly chat: ChatService,
    @Inject(RunStreams) private readonly streams: RunStreams,
  ) {}

  /** How a turn stands: running, completed, cancelled, failed or interrupted. */
  @Get()
  @AnswersData(ChatRunDto, 'The run')
  @Refuses(404)
  async getRun(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Param('runId') runId: string,
  ): Promise<{ data: ChatRunDto }> {
    return toChatRun(await this.chat.run(caller, id, runId));
  }

  /** The reply of a turn from its beginning, or from Last-Event-ID, and on until its end. Leaving does not touch the run. */
  @Get('stream')
  @EventStream()
  @TakesLastEventId()
  @AnswersEvents(CHAT_EVENTS, 'The same events as sending the message gives', 'data: {"type":"done"}\n\n')
  @Refuses(404)
  streamRun(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Param('runId') runId: string,
    @ClientGone() gone: AbortSignal,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Headers('last-event-id') lastEventId?: string,
  ): Promise<StreamableFile> {
    return this.streams.follow(caller, id, runId, lastEventId, { gone, reply });
  }
}
