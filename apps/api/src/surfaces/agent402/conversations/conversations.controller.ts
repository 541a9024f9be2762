import { Body, Delete, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { ConversationsService } from '#libs/conversations';
import type { Caller } from '#libs/kernel';
import { CallerOf } from '../../../http/caller-of.js';
import { IdempotencyOf, type IdempotencySlot, Idempotent } from '../../../http/idempotency/idempotent.js';
import { Agent402Controller, Refuses } from '../agent402.openapi.js';
import { toPageRequest } from '../agent402.paging.js';
import {
  AttachAgentDto,
  ConversationDto,
  ConversationListDto,
  CreateConversationDto,
  ListConversationsQuery,
} from './conversations.dto.js';
import {
  toConversation,
  toConversationList,
  toCreateConversation,
  toListConversations,
} from './conversations.mapper.js';

@Agent402Controller('Conversations', 'api/v1/conversations')
export class ConversationsController {
  constructor(@Inject(ConversationsService) private readonly conversations: ConversationsService) {}

  /** The caller's own conversations, newest first. */
  @Get()
  @Refuses(422)
  async listConversations(
    @CallerOf() caller: Caller,
    @Query() query: ListConversationsQuery,
  ): Promise<ConversationListDto> {
    return toConversationList(await this.conversations.list(caller, toListConversations(query)), toPageRequest(query));
  }

  /** Begin a conversation with an agent. */
  @Post()
  @Idempotent()
  @Refuses(404, 409, 422)
  async createConversation(
    @CallerOf() caller: Caller,
    @Body() body: CreateConversationDto,
    @IdempotencyOf() slot: IdempotencySlot | undefined,
  ): Promise<ConversationDto> {
    return toConversation(await this.conversations.create(caller, toCreateConversation(body), slot?.resourceId));
  }

  /** One conversation; only its owner sees it. */
  @Get(':id')
  @Refuses(404)
  async getConversation(@CallerOf() caller: Caller, @Param('id') id: string): Promise<ConversationDto> {
    return toConversation(await this.conversations.get(caller, id));
  }

  /** Delete a conversation. Its messages are erased within 30 days. */
  @Delete(':id')
  @HttpCode(204)
  @Refuses(404)
  async deleteConversation(@CallerOf() caller: Caller, @Param('id') id: string): Promise<void> {
    await this.conversations.remove(caller, id);
  }

  /** Hand a conversation over to another agent, which knows from its first turn what was said. */
  @Post(':id/attach-agent')
  @HttpCode(200)
  @Refuses(404, 409, 422)
  async attachAgent(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Body() body: AttachAgentDto,
  ): Promise<ConversationDto> {
    return toConversation(await this.conversations.attachAgent(caller, id, body.agent_id));
  }

  /** Close a conversation: it can be read, not gone on with. */
  @Post(':id/archive')
  @HttpCode(200)
  @Refuses(404, 409)
  async archiveConversation(@CallerOf() caller: Caller, @Param('id') id: string): Promise<ConversationDto> {
    return toConversation(await this.conversations.archive(caller, id));
  }
}
