import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';
import type { Caller } from '#libs/kernel';
import { JobRinger } from '#libs/queue';
import type { Conversation, ConversationContext } from './conversation.js';
import { ConversationMessagesRepository } from './conversation-messages.repository.js';
import { ConversationSummariesRepository } from './conversation-summaries.repository.js';
import { SUMMARISE_CONVERSATION } from './conversations.jobs.js';
import { ConversationsService } from './conversations.service.js';
import { type ContextWindow, type WindowMessage, estimateTokens, newestThatFit } from './context-window.js';

export interface ContextQuery {
  /** Most messages, 1 to 1,000. */
  readonly limit: number;
  /** Tokens that messages and summary may have together. */
  readonly tokenBudget: number;
}

const SUMMARY_HEAD = 'Summary of the earlier conversation:\n';
/** Of the budget; a longer summary is left out rather than cut. */
const SUMMARY_SHARE = 0.5;

/** What of a conversation a model would be shown: the newest messages, and a summary of those before. */
@Injectable()
export class ConversationContextService {
  constructor(
    @Inject(ConversationsService) private readonly conversations: ConversationsService,
    @Inject(ConversationMessagesRepository) private readonly messages: ConversationMessagesRepository,
    @Inject(ConversationSummariesRepository) private readonly summaries: ConversationSummariesRepository,
    @Inject(JobRinger) private readonly jobs: JobRinger,
    @Inject(Database) private readonly database: Database,
  ) {}

  /** Asks for a summary of what does not fit, and says `pending` until it is there. */
  async of(caller: Caller, id: string, query: ContextQuery): Promise<ConversationContext> {
    const conversation = await this.conversations.get(caller, id);
    const [newest, totalMessages, stored] = await Promise.all([
      this.messages.newest(caller, conversation.sessionId, query.limit + 1),
      this.messages.count(caller, conversation.sessionId),
      this.summaries.find(caller, id),
    ]);
    const summary = stored?.summary ? summaryMessage(stored.summary) : undefined;
    const window = windowOf(newest.slice(0, query.limit), totalMessages, summary, query.tokenBudget);
    const omitted = totalMessages - window.messages.length;
    const before = omitted === 0 ? undefined : newest[window.messages.length];
    const isCovered = before === undefined || BigInt(stored?.upto ?? 0) >= BigInt(before.id);
    if (before && !isCovered) await this.ringForSummary(conversation, before.id);
    const shown = omitted > 0 && summary && fits(summary, query.tokenBudget) ? [summary] : [];
    return {
      conversation,
      messages: [...shown, ...window.messages].map(({ role, content }) => ({ role, content })),
      totalMessages,
      tokens: window.tokens + shown.reduce((sum, { content }) => sum + estimateTokens(content), 0),
      tokenBudget: query.tokenBudget,
      omitted,
      summary: omitted === 0 ? 'none' : isCovered ? 'ready' : 'pending',
    };
  }

  private async ringForSummary({ orgId, id }: Conversation, upto: string): Promise<void> {
    const job = { orgId, conversationId: id, upto };
    await this.database.transaction((tx) => this.jobs.ring(tx, SUMMARISE_CONVERSATION, job));
  }
}

const summaryMessage = (summary: string): WindowMessage => ({
  id: '0',
  role: 'system',
  content: `${SUMMARY_HEAD}${summary}`,
});

const fits = ({ content }: WindowMessage, budget: number): boolean => estimateTokens(content) <= budget * SUMMARY_SHARE;

function windowOf(
  newest: readonly WindowMessage[],
  total: number,
  summary: WindowMessage | undefined,
  budget: number,
): ContextWindow {
  const whole = newestThatFit(newest, budget);
  if (whole.messages.length === total || !summary || !fits(summary, budget)) return whole;
  return newestThatFit(newest, budget - estimateTokens(summary.content));
}
