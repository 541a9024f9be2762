import {
  type ContextQuery,
  type Conversation,
  type ConversationContext,
  type ConversationMessage,
  type CreateConversation,
  type ListConversations,
  type SearchMatch,
} from '#libs/conversations';
import { type Page, type PageRequest, invalid } from '#libs/kernel';
import { pageNumbers, toPageRequest } from '../agent402.paging.js';
import type {
  ContextDto,
  ContextQueryDto,
  ConversationDto,
  ConversationListDto,
  CreateConversationDto,
  ListConversationsQuery,
  MessageDto,
  MessageListDto,
  SearchQueryDto,
  SearchResultsDto,
} from './conversations.dto.js';

const DEFAULT_CONTEXT_MESSAGES = 100;
const DEFAULT_CONTEXT_TOKENS = 8_000;
export const DEFAULT_MATCHES = 5;

export const toListConversations = (query: ListConversationsQuery): ListConversations => ({
  ...toPageRequest(query),
  agentId: query.agent_id,
  workspaceId: query.workspace_id,
  status: query.status,
});

export const toCreateConversation = (body: CreateConversationDto): CreateConversation => ({
  agentId: body.agent_id,
  workspaceId: body.workspace_id,
  userId: body.user_id,
  channel: body.channel,
  channelConversationId: body.channel_conversation_id,
  title: body.title,
  metadata: body.metadata,
});

export const toContextQuery = (query: ContextQueryDto): ContextQuery => ({
  limit: query.limit ?? DEFAULT_CONTEXT_MESSAGES,
  tokenBudget: query.max_tokens ?? DEFAULT_CONTEXT_TOKENS,
});

/** @throws DomainError `validation` when neither name of the parameter is there. */
export function textOf(query: SearchQueryDto): string {
  const text = query.query ?? query.q;
  if (text !== undefined && text.trim() !== '') return text;
  throw invalid('query is missing', [{ path: ['query', 'query'], message: 'Field required', type: 'missing' }]);
}

export const toConversation = (conversation: Conversation): ConversationDto => ({
  id: conversation.id,
  workspace_id: conversation.orgId,
  agent_id: conversation.agentId,
  agent_swarm_instance_id: conversation.agentId,
  user_id: conversation.userId,
  channel: conversation.channel,
  channel_conversation_id: conversation.channelConversationId,
  title: conversation.title,
  status: conversation.status,
  conversation_metadata: { ...conversation.metadata },
  message_count: conversation.messageCount,
  created_at: conversation.createdAt.toISOString(),
  updated_at: conversation.updatedAt.toISOString(),
  archived_at: conversation.archivedAt?.toISOString() ?? null,
  last_message_at: conversation.lastMessageAt?.toISOString() ?? null,
});

export const toConversationList = (page: Page<Conversation>, request: PageRequest): ConversationListDto => ({
  conversations: page.items.map(toConversation),
  ...pageNumbers(page, request),
});

export const toMessage = (message: ConversationMessage): MessageDto => ({
  id: message.id,
  role: message.role,
  content: message.content,
  timestamp: message.createdAt.toISOString(),
  metadata: { ...message.metadata },
});

export const toMessageList = (page: Page<ConversationMessage>, request: PageRequest): MessageListDto => ({
  messages: page.items.map(toMessage),
  ...pageNumbers(page, request),
});

export const toContext = (context: ConversationContext): ContextDto => ({
  conversation_id: context.conversation.id,
  agent_id: context.conversation.agentId,
  messages: context.messages.map(({ role, content }) => ({ role, content })),
  total_messages: context.totalMessages,
  metadata: { ...context.conversation.metadata },
  tokens: context.tokens,
  max_tokens: context.tokenBudget,
  omitted_messages: context.omitted,
  summary: context.summary,
});

export const toSearchResults = (page: Page<SearchMatch>, query: string): SearchResultsDto => ({
  results: {
    matches: page.items.map(({ content, score, createdAt }) => ({
      content,
      score,
      timestamp: createdAt.toISOString(),
    })),
    query,
    total_matches: page.total,
  },
});
