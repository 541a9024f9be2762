/** Where a conversation takes place. `api` is one that was begun over HTTP. */
export const CONVERSATION_CHANNELS = ['api', 'whatsapp', 'telegram', 'slack', 'email', 'zalo', 'discord'] as const;
export type ConversationChannel = (typeof CONVERSATION_CHANNELS)[number];

export const CONVERSATION_STATUSES = ['ACTIVE', 'ARCHIVED', 'DELETED'] as const;
export type ConversationStatus = (typeof CONVERSATION_STATUSES)[number];

/** Longest message that is added by hand, in characters. */
export const ADDED_MESSAGE_MAX_LENGTH = 50_000;
/** Most matches a search looks at, the newest. */
export const SEARCH_MOST_MATCHES = 1_000;

/** A session of chat as its owner sees it, whichever door it was begun through. */
export interface Conversation {
  readonly id: string;
  /** The chat session it is. */
  readonly sessionId: string;
  readonly orgId: string;
  readonly agentId: string;
  /** Null when its owner's account is gone. */
  readonly userId: string | null;
  readonly channel: string;
  readonly channelConversationId: string | null;
  /** The end user it is with, when the caller speaks for one. */
  readonly peerId: string | null;
  readonly title: string | null;
  readonly status: ConversationStatus;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly messageCount: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly archivedAt: Date | null;
  readonly lastMessageAt: Date | null;
}

export interface CreateConversation {
  readonly agentId: string;
  /** Must be the caller's own organisation. */
  readonly workspaceId?: string | undefined;
  /** A colleague, for whom only OWNER and ADMIN begin one; the caller unless given. */
  readonly userId?: string | undefined;
  readonly channel?: ConversationChannel | undefined;
  /** The channel's own id: a second one of the same id is not made. */
  readonly channelConversationId?: string | undefined;
  readonly title?: string | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

export interface ListConversations {
  readonly agentId?: string | undefined;
  readonly workspaceId?: string | undefined;
  /** All but the deleted unless given. */
  readonly status?: ConversationStatus | undefined;
  readonly limit: number;
  readonly offset: number;
}

export interface ConversationMessage {
  readonly id: string;
  readonly role: 'user' | 'assistant' | 'system';
  readonly content: string;
  readonly createdAt: Date;
  readonly metadata: Readonly<Record<string, unknown>>;
}

export interface AddMessage {
  readonly role: ConversationMessage['role'];
  readonly content: string;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

export interface SearchMatch {
  readonly content: string;
  /** Above 1 when the text stands there as it was asked for. */
  readonly score: number;
  readonly createdAt: Date;
}

/** What a model would be shown of a conversation. */
export interface ConversationContext {
  readonly conversation: Conversation;
  /** Oldest first; a summary of what is left out, when there is one, stands first. */
  readonly messages: readonly { readonly role: ConversationMessage['role']; readonly content: string }[];
  /** Messages of the whole conversation. */
  readonly totalMessages: number;
  /** Estimated: a token for four characters. */
  readonly tokens: number;
  readonly tokenBudget: number;
  /** Older messages that are not among `messages`. */
  readonly omitted: number;
  /** Of the omitted: `none` nothing is, `ready` all are summarised, `pending` some are not yet. */
  readonly summary: 'none' | 'pending' | 'ready';
}
