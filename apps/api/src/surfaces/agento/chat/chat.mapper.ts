import type { ChatMessage, ChatRunState, ChatSession, HistoryQuery as History, SendMessage } from '#libs/conversations';
import { isoTime, isoTimeOrNull } from '../agento.paging.js';
import type {
  ChatMessageDto,
  ChatRunDto,
  ChatSessionDto,
  CreateSessionDto,
  CreatedSessionDto,
  HistoryQuery,
  SendMessageDto,
} from './chat.dto.js';

export const toSendMessage = ({ message, sessionId, peerId, context, onDisconnect }: SendMessageDto): SendMessage => ({
  message,
  sessionId,
  peerId,
  context,
  onDisconnect,
});

export const toHistory = ({ sessionId, peerId, limit, since }: HistoryQuery): History => ({
  sessionId,
  peerId,
  limit,
  since: since === undefined ? undefined : momentOf(since),
});

export const toChatMessage = ({ role, content, createdAt }: ChatMessage): ChatMessageDto => ({
  role,
  content,
  timestamp: isoTime(createdAt),
});

export const toChatSession = ({ id, name, channel, startedAt }: ChatSession): ChatSessionDto => ({
  id,
  name,
  channel,
  startedAt: isoTime(startedAt),
});

export const toCreateSession = ({ name, peerId }: CreateSessionDto): { name?: string; peerId?: string } => ({
  name,
  peerId,
});

export const toCreatedSession = ({ id, startedAt }: ChatSession): { data: CreatedSessionDto } => ({
  data: { id, startedAt: isoTime(startedAt) },
});

export const toChatRun = (run: ChatRunState): { data: ChatRunDto } => ({
  data: {
    id: run.id,
    sessionId: run.sessionId,
    status: run.status,
    onDisconnect: run.onDisconnect,
    startedAt: isoTime(run.startedAt),
    finishedAt: isoTimeOrNull(run.finishedAt),
    errorCode: run.errorCode,
    errorMessage: run.errorMessage,
  },
});

/** A time of day without an offset is meant in UTC, as a day alone is. */
const momentOf = (text: string): Date => new Date(/T[^Z+-]*$/.test(text) ? `${text}Z` : text);
