import { Body, Get, HttpCode, Inject, Param, Post, Query, Res, type StreamableFile } from '@nestjs/common';
import { ChatService, HISTORY_DEFAULT_LIMIT, HISTORY_MAX_LIMIT, SESSIONS_LIMIT } from '#libs/conversations';
import type { Caller } from '#libs/kernel';
import type { FastifyReply } from 'fastify';
import { CallerOf, ClientGone } from '../../../http/caller-of.js';
import { IdempotencyOf, type IdempotencySlot, Idempotent } from '../../../http/idempotency/idempotent.js';
import { EventStream } from '../../../http/sse.js';
import {
  AgentoController,
  AnswersData,
  AnswersEvents,
  AnswersPage,
  Refuses,
  TakesIdempotencyKey,
} from '../agento.openapi.js';
import { type AgentoPage, agentoPage } from '../agento.paging.js';
import {
  CHAT_EVENTS,
  ChatMessageDto,
  ChatSessionDto,
  CreateSessionDto,
  CreatedSessionDto,
  HistoryQuery,
  ListSessionsQuery,
  SendMessageDto,
} from './chat.dto.js';
import {
  toChatMessage,
  toChatSession,
  toCreateSession,
  toCreatedSession,
  toHistory,
  toSendMessage,
} from './chat.mapper.js';
import { RunStreams } from './run-streams.js';

const REPLY_EXAMPLE = `id: 5b1c9a3e-7f7a-4a6e-9a55-0f6f0e6b7c11.18
data: {"type":"text","content":"I can help you with"}

id: 5b1c9a3e-7f7a-4a6e-9a55-0f6f0e6b7c11.41
data: {"type":"text","content":" a wide range of tasks!"}

data: {"type":"done"}

`;

@AgentoController('Chat', 'v1/agents/:id/chat')
export class ChatController {
  constructor(
    @Inject(ChatService) private readonly chat: ChatService,
    @Inject(RunStreams) private readonly streams: RunStreams,
  ) {}

  /** Say something to the agent and read its reply as it is written. Leaving cancels the run, unless onDisconnect says otherwise. */
  @Post('messages')
  @HttpCode(200)
  @EventStream()
  @Idempotent('run')
  @TakesIdempotencyKey()
  @AnswersEvents(
    CHAT_EVENTS,
    'Text events, then one `done` or `error` event; the header X-Run-Id names the run',
    REPLY_EXAMPLE,
  )
  @Refuses(400, 404, 409, 413, 422)
  async sendMessage(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Body() body: SendMessageDto,
    @IdempotencyOf() slot: IdempotencySlot | undefined,
    @ClientGone() gone: AbortSignal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<StreamableFile> {
    return this.streams.send(caller, id, toSendMessage(body), slot, { gone, reply });
  }

  /** The messages exchanged with the agent, oldest first. */
  @Get('messages')
  @AnswersPage(ChatMessageDto, 'The messages')
  @Refuses(400, 404)
  async listMessages(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Query() query: HistoryQuery,
  ): Promise<AgentoPage<ChatMessageDto>> {
    return agentoPage(await this.chat.history(caller, id, toHistory(query)), toChatMessage, {
      limit: Math.min(query.limit ?? HISTORY_DEFAULT_LIMIT, HISTORY_MAX_LIMIT),
    });
  }

  /** The newest sessions, at most 100. */
  @Get('sessions')
  @AnswersPage(ChatSessionDto, 'The sessions')
  @Refuses(400, 404)
  async listSessions(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Query() query: ListSessionsQuery,
  ): Promise<AgentoPage<ChatSessionDto>> {
    return agentoPage(await this.chat.sessions(caller, id, { peerId: query.peerId }), toChatSession, {
      limit: SESSIONS_LIMIT,
    });
  }

  /** Begin anew: the new session becomes the default one of the key or peer, with nothing remembered. */
  @Post('sessions')
  @Idempotent()
  @TakesIdempotencyKey()
  @AnswersData(CreatedSessionDto, 'The session', 201)
  @Refuses(400, 404, 409, 422)
  async createSession(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Body() body: CreateSessionDto,
    @IdempotencyOf() slot: IdempotencySlot | undefined,
  ): Promise<{ data: CreatedSessionDto }> {
    return toCreatedSession(await this.chat.createSession(caller, id, toCreateSession(body), slot?.resourceId));
  }
}
