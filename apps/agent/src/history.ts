import type { ChatMessage } from './chat-request.js';

/**
 * What the model is sent: the newest whole turns that fit the budget, then the new message, which always goes in full.
 * Begins with a user's message, holds no empty one and alternates roles (neighbours of one role, left by failed turns,
 * are joined), as every provider accepts.
 */
export function buildPrompt(earlier: readonly ChatMessage[], message: string, budgetChars: number): ChatMessage[] {
  return alternating([...newestTurns(wholeTurns(earlier), budgetChars), { role: 'user', text: message }]);
}

function newestTurns(turns: readonly ChatMessage[][], budgetChars: number): ChatMessage[] {
  let room = budgetChars;
  let first = turns.length;
  while (first > 0) {
    room -= lengthOf(turns[first - 1] ?? []);
    if (room < 0) break;
    first -= 1;
  }
  return turns.slice(first).flat();
}

function wholeTurns(messages: readonly ChatMessage[]): ChatMessage[][] {
  const turns: ChatMessage[][] = [];
  for (const message of messages) {
    if (message.role === 'user') turns.push([message]);
    else turns.at(-1)?.push(message);
  }
  return turns;
}

function alternating(messages: readonly ChatMessage[]): ChatMessage[] {
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

const lengthOf = (turn: readonly ChatMessage[]): number => turn.reduce((sum, message) => sum + message.text.length, 0);
