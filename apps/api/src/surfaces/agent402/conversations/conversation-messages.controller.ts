import { Body, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { ConversationContextService, ConversationMessagesService } from '#libs/conversations';
import type { Caller } from '#libs/kernel';
import { CallerOf } from '../../../http/caller-of.js';
import { Idempotent } from '../../../http/idempotency/idempotent.js';
import { Agent402Controller, Refuses } from '../agent402.openapi.js';
import { PageQuery, toPageRequest } from '../agent402.paging.js';
import {
  AddMessageDto,
  ContextDto,
  ContextQueryDto,
  MessageDto,
  MessageListDto,
  SearchBodyDto,
  SearchQueryDto,
  SearchResultsDto,
} from './conversations.dto.js';
import {
  DEFAULT_MATCHES,
  textOf,
  toContext,
  toContextQuery,
  toMessage,
  toMessageList,
  toSearchResults,
} from './conversations.mapper.js';

@Agent402Controller('Conversations', 'api/v1/conversations/:id')
export class ConversationMessagesController {
  constructor(
    @Inject(ConversationMessagesService) private readonly messages: ConversationMessagesService,
    @Inject(ConversationContextService) private readonly context: ConversationContextService,
  ) {}

  /** The messages, oldest first. */
  @Get('messages')
  @Refuses(404, 422)
  async listMessages(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Query() query: PageQuery,
  ): Promise<MessageListDto> {
    return toMessageList(await this.messages.list(caller, id, toPageRequest(query)), toPageRequest(query));
  }

  /** Store a message without asking the agent; it sees it at its next turn. */
  @Post('messages')
  @Idempotent()
  @Refuses(404, 409, 422)
  async addMessage(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Body() body: AddMessageDto,
  ): Promise<MessageDto> {
    return toMessage(await this.messages.add(caller, id, body));
  }

  /** What a model would be shown: the newest messages within a number of tokens, and a summary of those before. */
  @Get('context')
  @Refuses(404, 422)
  async getContext(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Query() query: ContextQueryDto,
  ): Promise<ContextDto> {
    return toContext(await this.context.of(caller, id, toContextQuery(query)));
  }

  /** Find messages. Any text is taken as it stands. */
  @Get('search')
  @Refuses(404, 422)
  async searchMessages(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Query() query: SearchQueryDto,
  ): Promise<SearchResultsDto> {
    const text = textOf(query);
    return toSearchResults(await this.messages.search(caller, id, text, query.limit ?? DEFAULT_MATCHES), text);
  }

  /** The same with a body. */
  @Post('search')
  @HttpCode(200)
  @Refuses(404, 422)
  async searchMessagesByBody(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Body() body: SearchBodyDto,
  ): Promise<SearchResultsDto> {
    const { query: text, limit = DEFAULT_MATCHES } = body;
    return toSearchResults(await this.messages.search(caller, id, text, limit), text);
  }
}
