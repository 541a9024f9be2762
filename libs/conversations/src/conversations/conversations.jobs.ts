import { IsNumberString, IsUUID } from 'class-validator';
import { defineJob } from '#libs/queue';

export class SummariseConversation {
  @IsUUID()
  orgId!: string;

  @IsUUID()
  conversationId!: string;

  /** Id of the last message it is to cover. */
  @IsNumberString({ no_symbols: true })
  upto!: string;
}

/** Asks a conversation's agent to summarise what no context window holds any more. Rung again whenever somebody asks for it. */
export const SUMMARISE_CONVERSATION = defineJob<SummariseConversation>({
  name: 'conversations.summarise',
  queue: 'control',
  payload: SummariseConversation,
  attempts: 1,
  deduplicate: ({ conversationId }) => conversationId,
});

export const conversationJobs = [SUMMARISE_CONVERSATION];
