import type { Asked, Step } from './provider-server.js';

/**
 * A model that really summarises, in the plainest way: asked for a summary it keeps the lines of what it is given that state a
 * fact (`FACT …`); asked anything else it recites the facts it can see.
 */
export function summarisingModel(asked: Asked): Step {
  const seen = asked.messages.map(({ text }) => text).join('\n');
  const facts = [...new Set(seen.match(/FACT [^\n.]+\./g) ?? [])];
  if (isSummaryRequest(asked)) return { words: [`Summary.\n${facts.join('\n')}`] };
  return { words: [/what do you know/i.test(asked.messages.at(-1)?.text ?? '') ? facts.join('\n') : 'Noted.'] };
}

export const isSummaryRequest = ({ system }: Asked): boolean => system.includes('running summary');

/** About how many tokens of conversation a request holds. */
export const sizeOf = ({ messages }: Asked): number =>
  messages.reduce((sum, { text }) => sum + Buffer.byteLength(text) / 4, 0);
