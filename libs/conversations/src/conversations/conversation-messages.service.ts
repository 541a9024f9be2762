import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';
import { type Caller, type Page, type PageRequest, invalid, notFound } from '#libs/kernel';
import { wellFormed } from '../well-formed.js';
import { wrongField } from '../conversations.errors.js';
import {
  ADDED_MESSAGE_MAX_LENGTH,
  type AddMessage,
  type ConversationMessage,
  type SearchMatch,
} from './conversation.js';
import { ConversationMessagesRepository } from './conversation-messages.repository.js';
import { ConversationsRepository } from './conversations.repository.js';
import { ConversationsService, requireOpen } from './conversations.service.js';

const SEARCH_MAX_LENGTH = 200;
const UNPRINTABLE = /[\p{Control}\p{Surrogate}]/u;

/** What is said in a conversation, read and added to without asking its agent. Refusals are those of {@link ConversationsService.get}. */
@Injectable()
export class ConversationMessagesService {
  constructor(
    @Inject(ConversationsService) private readonly conversations: ConversationsService,
    @Inject(ConversationsRepository) private readonly rows: ConversationsRepository,
    @Inject(ConversationMessagesRepository) private readonly messages: ConversationMessagesRepository,
    @Inject(Database) private readonly database: Database,
  ) {}

  /** Oldest first. */
  async list(caller: Caller, id: string, page: PageRequest): Promise<Page<ConversationMessage>> {
    const { sessionId } = await this.conversations.get(caller, id);
    return this.messages.page(caller, sessionId, page);
  }

  /**
   * Stores a message; the agent sees it at its next turn.
   * @throws DomainError `validation`; `conflict` when archived or while the agent is answering.
   */
  async add(caller: Caller, id: string, message: AddMessage): Promise<ConversationMessage> {
    const content = wellFormed(message.content);
    if (content.trim() === '') throw wrongField('content', 'content must not be empty', 'string_too_short');
    if ([...content].length > ADDED_MESSAGE_MAX_LENGTH) {
      throw wrongField('content', `content may have at most ${ADDED_MESSAGE_MAX_LENGTH} characters`, 'string_too_long');
    }
    await this.conversations.get(caller, id);
    return this.database.transaction(async (tx) => {
      const locked = await this.rows.lock(tx, caller, id);
      if (!locked) throw notFound('Conversation');
      requireOpen(locked);
      return this.messages.insert(tx, caller, locked.sessionId, { ...message, content });
    });
  }

  /** Best first. Any text is looked for as it is: nothing in it has a meaning of its own. */
  async search(caller: Caller, id: string, text: string, limit: number): Promise<Page<SearchMatch>> {
    const { sessionId } = await this.conversations.get(caller, id);
    const wanted = text.trim();
    if (wanted === '' || wanted.length > SEARCH_MAX_LENGTH || UNPRINTABLE.test(wanted)) {
      throw invalid(`query must have 1 to ${SEARCH_MAX_LENGTH} characters, no control characters among them`, [
        { path: ['query', 'query'], message: 'Input should be printable text', type: 'value_error' },
      ]);
    }
    return this.messages.search(caller, sessionId, wanted, limit);
  }
}
