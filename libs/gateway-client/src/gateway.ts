/** Where an agent's gateway is reached: through the edge of its host. */
export interface GatewayTarget {
  readonly agentId: string;
  readonly hostId: string;
  /** Base URL of the host's relay door, for example `http://127.0.0.1:4100`. */
  readonly edgeUrl: string;
  /** `host:port` of the gateway as that edge reaches it. */
  readonly endpoint: string;
  /** The instance epoch; the relay refuses another. */
  readonly epoch: number;
}

export interface GatewayMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** One turn of a session. */
export interface GatewayChatRequest {
  readonly sessionId: string;
  readonly peerId?: string;
  /** Messages of the session before this turn; the agent answers `history_required` when its own count differs. */
  readonly turn: number;
  /** True when `messages` holds the earlier messages too and replaces what the agent remembers. */
  readonly refill: boolean;
  /** The new message last. */
  readonly messages: readonly GatewayMessage[];
  readonly requestId?: string;
}

/** A piece of the answer as the agent produced it. */
export type GatewayChunk =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'usage'; readonly promptTokens: number; readonly completionTokens: number };

/** What a probe of a gateway found. */
export interface GatewayHealth {
  /** True when the gateway answered 200 on `/healthz`. */
  readonly live: boolean;
  /** HTTP status of the answer; null when nothing answered. */
  readonly status: number | null;
}
