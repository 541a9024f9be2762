import { unwrapped } from './unwrap.js';

/** One message as the demo model sees it: plain text, whatever content form the request used. */
export interface DemoMessage {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  readonly text: string;
}

/** A call of a tool that the last user message asked for. */
export interface DemoToolCall {
  readonly name: string;
  /** JSON. */
  readonly input: string;
}

/** What the demo model is going to do with a request. */
export type DemoPlan =
  | { readonly kind: 'answer'; readonly text: string; readonly wordDelayMs?: number; readonly cutAfterWords?: number }
  | { readonly kind: 'call'; readonly call: DemoToolCall }
  | { readonly kind: 'fail'; readonly status: number }
  | { readonly kind: 'hang' };

const LABEL = '[demo model, scripted]';
const TOOL = /\[\[tool\s+([\w.-]+)\s*(\{.*?\})?\s*\]\]/gs;
const MAX_SLOW_WORDS = 10_000;
const MAX_DELAY_MS = 60_000;
const RECALLED_MESSAGES = 5;

/**
 * Decides what to do with a conversation. Pure: equal conversations give equal answers.
 * @param tools names of those that may be called now
 */
export function planReply(asked: readonly DemoMessage[], tools: readonly string[] = []): DemoPlan {
  const messages = unwrapped(asked);
  const said = messages.filter((message) => message.role === 'user').map((message) => message.text);
  const last = said.at(-1) ?? '';
  const calls = [...last.matchAll(TOOL)].map(([, name = '', input = '{}']) => ({ name, input }));
  if (calls.length > 0) return planTools(calls, messages, tools);
  const command = /\[\[(slow|fail|hang|cut|echo|system)(?:\s+([^\]]*))?\]\]/.exec(last);
  if (command) return planCommand(command[1] ?? '', command[2] ?? '', messages);
  return { kind: 'answer', text: answer(last, said.slice(0, -1), personaName(messages)) };
}

/** A rough count in the manner of byte-pair tokenizers: four characters a token, never zero for a text. */
export const countTokens = (text: string): number => Math.ceil(text.length / 4);

function planCommand(name: string, argument: string, messages: readonly DemoMessage[]): DemoPlan {
  switch (name) {
    case 'slow':
      return planSlow(argument);
    case 'fail':
      return { kind: 'fail', status: bounded(argument, 500, 400, 599) };
    case 'hang':
      return { kind: 'hang' };
    case 'cut':
      return { kind: 'answer', text: words(1000), cutAfterWords: bounded(argument, 3, 0, 999) };
    case 'echo':
      return { kind: 'answer', text: argument };
    default:
      return { kind: 'answer', text: systemText(messages) };
  }
}

/** One call after the other, then an answer that says what they gave. */
function planTools(
  calls: readonly DemoToolCall[],
  messages: readonly DemoMessage[],
  tools: readonly string[],
): DemoPlan {
  const asked = messages.findLastIndex((message) => message.role === 'user');
  const results = messages.slice(asked + 1).filter((message) => message.role === 'tool');
  const next = calls[results.length];
  if (next && tools.includes(next.name)) return { kind: 'call', call: next };
  const outcomes = results.map(({ text }, nr) => `${calls[nr]?.name ?? 'A tool'} said: ${text}`);
  const missing = next ? [`I have no tool ${next.name}.`] : [];
  return { kind: 'answer', text: [LABEL, ...outcomes, ...missing].join('\n') };
}

function planSlow(argument: string): DemoPlan {
  const [count, delay] = argument.split('x');
  return {
    kind: 'answer',
    text: words(bounded(count, 200, 1, MAX_SLOW_WORDS)),
    wordDelayMs: bounded(delay?.replace(/ms$/, ''), 10, 0, MAX_DELAY_MS),
  };
}

function answer(last: string, earlier: readonly string[], name: string | undefined): string {
  const me = name ? `I am ${name}. ` : '';
  const turn = `This is turn ${earlier.length + 1} of our conversation.`;
  if (/\b(what|which).*\b(say|said|told|tell|ask|asked)\b|\b(remember|recall|earlier|before)\b/i.test(last)) {
    return `${LABEL} ${me}${turn} ${recall(earlier)}`;
  }
  if (/\bwho are you\b|\byour name\b/i.test(last)) {
    return `${LABEL} ${name ? `I am ${name}.` : 'Nobody gave me a name yet.'} ${turn}`;
  }
  return (
    `${LABEL} ${me}${turn} You said: "${shorten(last, 400)}" ` +
    'No AI model was asked; give this agent a provider and a key for real answers.'
  );
}

function recall(earlier: readonly string[]): string {
  if (earlier.length === 0) return 'You have not said anything before this.';
  const quoted = earlier.slice(-RECALLED_MESSAGES).map((text) => `"${shorten(text, 120)}"`);
  return `Before this you said: ${quoted.join(', then ')}.`;
}

/** The name a personality gives itself: "Your name is Ada", "Name: Ada", "You are Ada". */
function personaName(messages: readonly DemoMessage[]): string | undefined {
  const text = systemText(messages);
  const name = String.raw`\**\s*"?([\p{L}\p{N}][\p{L}\p{N} '_-]{0,59})`;
  const found =
    new RegExp(String.raw`\b(?:your|my) name is\s+${name}`, 'iu').exec(text) ??
    new RegExp(String.raw`^[\s>*#-]*name\s*\**\s*:\s*${name}`, 'imu').exec(text) ??
    /\b(?:You are|I am) "?(\p{Lu}[\p{L}\p{N}_-]*(?: \p{Lu}[\p{L}\p{N}_-]*){0,3})/u.exec(text) ??
    new RegExp(String.raw`^Agent name:\s*${name}`, 'imu').exec(text);
  return found?.[1]?.trim();
}

const systemText = (messages: readonly DemoMessage[]): string =>
  messages
    .filter((message) => message.role === 'system')
    .map((message) => message.text)
    .join('\n');

const words = (count: number): string => Array.from({ length: count }, (_, index) => `word${index + 1}`).join(' ');

const shorten = (text: string, length: number): string =>
  text.length <= length ? text : `${text.slice(0, length - 1)}…`;

function bounded(text: string | undefined, fallback: number, min: number, max: number): number {
  const value = Number.parseInt(text ?? '', 10);
  return Number.isNaN(value) ? fallback : Math.min(max, Math.max(min, value));
}
