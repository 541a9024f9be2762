import { wellFormed } from '../well-formed.js';

/** One stored message. */
export interface WindowMessage {
  readonly id: string;
  readonly role: 'user' | 'assistant' | 'system';
  readonly content: string;
}

/** What of a conversation fits. */
export interface ContextWindow {
  readonly messages: readonly WindowMessage[];
  readonly tokens: number;
}

const CHARS_PER_TOKEN = 4;
/** Roles and separators. */
const TOKENS_PER_MESSAGE = 4;

export const estimateTokens = (text: string): number => Math.ceil(text.length / CHARS_PER_TOKEN) + TOKENS_PER_MESSAGE;

/**
 * The newest messages that fit a budget together; the very newest is always among them, shortened from its beginning when it
 * alone is too long.
 * @param newestFirst - as read from the end
 */
export function newestThatFit(newestFirst: readonly WindowMessage[], budget: number): ContextWindow {
  const kept: WindowMessage[] = [];
  let tokens = 0;
  for (const message of newestFirst) {
    const size = estimateTokens(message.content);
    if (tokens + size > budget && kept.length > 0) break;
    const whole = tokens + size <= budget ? message : shortened(message, budget);
    kept.push(whole);
    tokens += estimateTokens(whole.content);
  }
  return { messages: kept.reverse(), tokens };
}

const shortened = (message: WindowMessage, budget: number): WindowMessage => {
  const chars = Math.max(CHARS_PER_TOKEN, (budget - TOKENS_PER_MESSAGE) * CHARS_PER_TOKEN);
  return { ...message, content: wellFormed(message.content.slice(-chars)) };
};
