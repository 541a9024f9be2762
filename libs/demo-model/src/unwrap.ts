import type { DemoMessage } from './script.js';

const INTERNAL = '<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>>';
const EARLIER = '[Chat messages since your last reply - for context]\n';
const CURRENT = '\n\n[Current message - respond to this]\n';
const STAMP = /^\[[A-Z][a-z]{2} \d{4}-\d\d-\d\d \d\d:\d\d [A-Z]+\] /;
const RUNTIME = /\n\nRuntime: agent=[^\n]*$/;
const SPEAKER = /(?:^|\n)(User|Assistant): /;

/**
 * The conversation without what OpenClaw puts around it for real models: notes of its own as messages, a time in front, a
 * line about itself behind, earlier messages in front of the first one. Anything else stays as it is.
 */
export const unwrapped = (messages: readonly DemoMessage[]): DemoMessage[] =>
  messages.flatMap((message) => (message.role === 'user' ? ofUser(message.text) : [message]));

function ofUser(text: string): DemoMessage[] {
  if (text.startsWith(INTERNAL)) return [];
  const plain = text.replace(STAMP, '').replace(RUNTIME, '');
  const current = plain.indexOf(CURRENT);
  if (!plain.startsWith(EARLIER) || current < 0) return [{ role: 'user', text: plain }];
  const earlier = spoken(plain.slice(EARLIER.length, current));
  return [...earlier, ...spoken(plain.slice(current + CURRENT.length))];
}

function spoken(text: string): DemoMessage[] {
  const [, ...parts] = text.split(SPEAKER);
  const messages: DemoMessage[] = [];
  for (let at = 0; at + 1 < parts.length; at += 2) {
    messages.push({ role: parts[at] === 'Assistant' ? 'assistant' : 'user', text: parts[at + 1] ?? '' });
  }
  return messages;
}
