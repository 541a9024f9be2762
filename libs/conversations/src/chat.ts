import type { RunStatus } from './run.state.js';

/** Longest message, in UTF-16 units. */
export const MESSAGE_MAX_LENGTH = 32_000;
/** Longest context after formatting, in UTF-16 units. */
export const CONTEXT_MAX_LENGTH = 2_000;
/** Longest peer id, in UTF-16 units. */
export const PEER_ID_MAX_LENGTH = 200;
/** Most messages one page of history holds; a larger limit is lowered to this. */
export const HISTORY_MAX_LIMIT = 200;
export const HISTORY_DEFAULT_LIMIT = 50;
/** Most sessions a listing holds. */
export const SESSIONS_LIMIT = 100;

/** A plain text, or a flat object that becomes `key: value` lines. */
export type ChatContext = string | Readonly<Record<string, unknown>>;

export interface SendMessage {
  readonly message: string;
  /** Session to go on with; absent: the newest of this peer, or of this credential without a peer. */
  readonly sessionId?: string;
  /** The end user on whose behalf the caller speaks; isolates sessions and the agent's memory. */
  readonly peerId?: string;
  readonly context?: ChatContext;
  /** What happens to the run when the reader of `events` leaves; `cancel` unless said otherwise. */
  readonly onDisconnect?: 'cancel' | 'continue';
}

/** `offset` counts UTF-16 units of the reply up to and including `text`; it is what a client resumes from. */
export type ChatEvent =
  | { readonly kind: 'text'; readonly offset: number; readonly text: string }
  | { readonly kind: 'done' }
  | { readonly kind: 'error'; readonly code: string; readonly message: string };

/** A turn under way: the user's message is stored, the agent is being called. */
export interface ChatRun {
  readonly runId: string;
  readonly sessionId: string;
  /**
   * The reply from its first character, ended by one `done` or `error`. To be read once, by the client that sent the message:
   * when `signal` fires first, the run is cancelled or goes on, as `onDisconnect` said.
   */
  events(signal: AbortSignal): AsyncIterable<ChatEvent>;
}

/** A turn as it stands. */
export interface ChatRunState {
  readonly id: string;
  readonly sessionId: string;
  readonly status: RunStatus;
  readonly onDisconnect: 'cancel' | 'continue';
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
  /** As the agent reported it; null before its end. */
  readonly promptTokens: number | null;
  readonly completionTokens: number | null;
}

export interface ChatMessage {
  readonly role: 'user' | 'assistant' | 'system';
  readonly content: string;
  readonly createdAt: Date;
  readonly sessionId: string;
  readonly runId: string | null;
}

export interface ChatSession {
  readonly id: string;
  readonly name: string | null;
  readonly channel: string;
  readonly peerId: string | null;
  readonly startedAt: Date;
  /** An archived session is read, not gone on with. */
  readonly status: 'ACTIVE' | 'ARCHIVED' | 'DELETED';
  /** The credential or peer it belongs to. */
  readonly owner: string;
}

export interface HistoryQuery {
  readonly sessionId?: string;
  readonly peerId?: string;
  /** 1 or more; lowered to {@link HISTORY_MAX_LIMIT}. */
  readonly limit?: number;
  /** Only messages later than this. */
  readonly since?: Date;
}

export interface FollowOptions {
  /** UTF-16 units of the reply already read. */
  readonly afterOffset?: number;
  readonly signal: AbortSignal;
}
