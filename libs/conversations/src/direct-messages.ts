import { Inject, Injectable } from '@nestjs/common';
import { type Caller, DomainError } from '#libs/kernel';
import { ChatService } from './chat.service.js';
import { ConversationMessagesRepository } from './conversations/conversation-messages.repository.js';
import { CANCELLED } from './conversations.errors.js';

/** What an agent answered, as one text. */
export interface DirectReply {
  readonly text: string;
  /** Of the answer, as conversations list it. */
  readonly messageId: string;
}

/** For clients that ask and want the whole answer at once: a chat turn in the caller's newest conversation with the agent. */
@Injectable()
export class DirectMessages {
  constructor(
    @Inject(ChatService) private readonly chat: ChatService,
    @Inject(ConversationMessagesRepository) private readonly messages: ConversationMessagesRepository,
  ) {}

  /**
   * Waits for the end of the answer; when `signal` fires first, the turn is cancelled.
   * @param runId - for a request that may be repeated: the turn it began already is the answer.
   * @throws DomainError what {@link ChatService.send} throws; `upstream_failed` when the agent did not answer.
   */
  async send(
    caller: Caller,
    agentId: string,
    message: string,
    { signal, runId }: { readonly signal: AbortSignal; readonly runId?: string },
  ): Promise<DirectReply> {
    const run = await this.chat.send(caller, agentId, { message }, runId);
    let text = '';
    let isWhole = false;
    for await (const event of run.events(signal)) {
      if (event.kind === 'error') throw new DomainError('upstream_failed', event.code, event.message);
      if (event.kind === 'text') text += event.text;
      isWhole = event.kind === 'done';
    }
    if (!isWhole) throw new DomainError('upstream_failed', CANCELLED.code, CANCELLED.message);
    return { text, messageId: await this.messages.replyOf(caller, run.runId) };
  }
}
