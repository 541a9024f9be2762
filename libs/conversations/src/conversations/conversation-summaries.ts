import { Inject, Injectable } from '@nestjs/common';
import { AgentsService } from '#libs/agents';
import { GatewayClient } from '#libs/gateway-client';
import { DomainError, type Scope } from '#libs/kernel';
import { Logger } from '#libs/observability';
import { wellFormed } from '../well-formed.js';
import { ConversationMessagesRepository } from './conversation-messages.repository.js';
import { ConversationSummariesRepository, type StoredSummary } from './conversation-summaries.repository.js';
import { SUMMARY_MAX_CHARS, nextPiece, summaryRequest } from './summary-request.js';

const PIECE_MOST_MESSAGES = 500;

/** Has conversations summarised by their own agents, through their broker and budgets, in sessions that are nobody's chat. */
@Injectable()
export class ConversationSummaries {
  constructor(
    @Inject(ConversationSummariesRepository) private readonly summaries: ConversationSummariesRepository,
    @Inject(ConversationMessagesRepository) private readonly messages: ConversationMessagesRepository,
    @Inject(AgentsService) private readonly agents: AgentsService,
    @Inject(GatewayClient) private readonly gateway: GatewayClient,
    @Inject(Logger) private readonly logger: Logger,
  ) {}

  /**
   * Extends the summary piece by piece until it covers message `upto`; each piece is stored, so a killed worker loses one at
   * most. Ends quietly when the agent does not run: whoever needs the summary asks again.
   */
  async refresh(scope: Scope, conversationId: string, upto: string, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const stored = await this.summaries.find(scope, conversationId);
      if (!stored || BigInt(stored.upto ?? 0) >= BigInt(upto)) return;
      try {
        if (!(await this.extend(scope, stored, upto, signal))) return;
      } catch (error) {
        if (!(error instanceof DomainError) || error.kind === 'internal') throw error;
        this.logger.warn('a conversation could not be summarised', { conversationId, reason: error.code });
        return;
      }
    }
  }

  private async extend(scope: Scope, stored: StoredSummary, upto: string, signal: AbortSignal): Promise<boolean> {
    const behind = (BigInt(upto) + 1n).toString();
    const waiting = await this.messages.between(scope, stored.sessionId, stored.upto, behind, PIECE_MOST_MESSAGES);
    const piece = nextPiece(waiting);
    const last = piece.at(-1);
    if (!last) return false;
    const summary = await this.ask(scope, stored, summaryRequest(stored.summary, piece), signal);
    return summary !== '' && this.summaries.replace(scope, stored, summary, last.id);
  }

  private async ask(
    scope: Scope,
    { agentId, sessionId, peerId }: StoredSummary,
    messages: ReturnType<typeof summaryRequest>,
    signal: AbortSignal,
  ): Promise<string> {
    const target = await this.agents.gatewayTarget(scope, agentId);
    const request = { sessionId: `summary-${sessionId}`, turn: 0, refill: true, messages };
    let text = '';
    for await (const chunk of this.gateway.chat(target, peerId === null ? request : { ...request, peerId }, signal)) {
      if (chunk.kind === 'text') text += chunk.text;
      if (text.length > SUMMARY_MAX_CHARS) break;
    }
    return wellFormed(text.slice(0, SUMMARY_MAX_CHARS)).trim();
  }
}
