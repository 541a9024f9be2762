import type { ChatMessage } from './chat-request.js';

/** The newest turns whose sizes together stay within `budget`. */
export function newestTurns(
  turns: readonly ChatMessage[][],
  budget: number,
  sizeOf: (messages: readonly ChatMessage[]) => number,
): ChatMessage[] {
  let room = budget;
  let first = turns.length;
  while (first > 0) {
    room -= sizeOf(turns[first - 1] ?? []);
    if (room < 0) break;
    first -= 1;
  }
  return turns.slice(first).flat();
}

/** Each turn begins with a user's message; what stands before the first one belongs to none, and is left out. */
export function wholeTurns(messages: readonly ChatMessage[]): ChatMessage[][] {
  const turns: ChatMessage[][] = [];
  for (const message of messages) {
    if (message.role === 'user') turns.push([message]);
    else turns.at(-1)?.push(message);
  }
  return turns;
}

/**
 * Begins with a user's message, holds no empty one and alternates roles (neighbours of one role, left by failed turns, are
 * joined), as every provider accepts.
 */
export function alternating(messages: readonly ChatMessage[]): ChatMessage[] {
  const joined: ChatMessage[] = [];
  for (const message of messages) {
    if (message.text.trim() === '') continue;
    const before = joined.at(-1);
    if (before?.role === message.role) {
      joined[joined.length - 1] = { role: message.role, text: `${before.text}\n\n${message.text}` };
    } else if (before || message.role === 'user') {
      joined.push(message);
    }
  }
  return joined;
}
