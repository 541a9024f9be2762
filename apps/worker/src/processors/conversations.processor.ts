import { Inject, Injectable } from '@nestjs/common';
import { ConversationSummaries, SUMMARISE_CONVERSATION, type SummariseConversation } from '#libs/conversations';
import { HandlesJob, type JobContext } from '#libs/queue';

@Injectable()
export class ConversationsProcessor {
  constructor(@Inject(ConversationSummaries) private readonly summaries: ConversationSummaries) {}

  @HandlesJob(SUMMARISE_CONVERSATION)
  summarise({ orgId, conversationId, upto }: SummariseConversation, { signal }: JobContext): Promise<void> {
    return this.summaries.refresh({ orgId }, conversationId, upto, signal);
  }
}
