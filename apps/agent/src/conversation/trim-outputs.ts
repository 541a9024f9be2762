import { toUSVString } from 'node:util';
import type { ModelMessage } from 'ai';
import { estimateTokens } from './tokens.js';

const KEPT_CHARS = 400;

/**
 * Shortens the older outputs of tools once all of a turn are larger than the budget: the model has read them, and can call
 * the tool again. The outputs of the last step stay.
 */
export function trimOutputs(messages: readonly ModelMessage[], budgetTokens: number): ModelMessage[] {
  let room = budgetTokens;
  let isLast = true;
  const trimmed = messages.toReversed().map((message) => {
    if (message.role !== 'tool') return message;
    const content = message.content.map((part) => {
      if (part.type !== 'tool-result' || part.output.type !== 'text') return part;
      room -= estimateTokens(part.output.value);
      if (room >= 0 || isLast) return part;
      return { ...part, output: { ...part.output, value: shortened(part.output.value) } };
    });
    isLast = false;
    return { ...message, content };
  });
  return trimmed.toReversed();
}

const shortened = (text: string): string =>
  text.length <= KEPT_CHARS ? text : `${toUSVString(text.slice(0, KEPT_CHARS))}\n[the rest was left out to save room]`;
