import type { TokenUsage, UsageProvider } from '#libs/usage';
import { type JsonObject, countAt, isObject, listAt, objectAt } from './json.js';

/** What frames of an answer have said so far. */
export interface Reported {
  readonly inputTokens?: number;
  readonly cachedInputTokens?: number;
  readonly cacheWriteTokens?: number;
  readonly outputTokens?: number;
  /** The provider says no more about usage after this. */
  readonly isFinal?: boolean;
}

/** The usage in one frame of a stream, or in a whole answer; nothing when it holds none. */
export const reportedIn = (provider: UsageProvider, frame: JsonObject): Reported => READERS[provider](frame);

/** Usage with what was not said filled in. */
export const completed = (
  reported: Reported,
  otherwise: { inputTokens: number; outputTokens: number },
): TokenUsage => ({
  inputTokens: reported.inputTokens ?? otherwise.inputTokens,
  cachedInputTokens: reported.cachedInputTokens ?? 0,
  cacheWriteTokens: reported.cacheWriteTokens ?? 0,
  outputTokens: reported.outputTokens ?? otherwise.outputTokens,
});

/** Chat completions and embeddings (`prompt_tokens`), responses (`input_tokens`, in the event that ends the stream). */
function openai(frame: JsonObject): Reported {
  const usage = isObject(frame.usage) ? frame.usage : objectAt(objectAt(frame, 'response'), 'usage');
  const inputTokens = countAt(usage, 'prompt_tokens', 'input_tokens');
  if (inputTokens === undefined) return {};
  const details = objectAt(usage, 'prompt_tokens_details', 'input_tokens_details');
  return {
    inputTokens,
    cachedInputTokens: Math.min(countAt(details, 'cached_tokens') ?? 0, inputTokens),
    outputTokens: countAt(usage, 'completion_tokens', 'output_tokens') ?? 0,
    isFinal: true,
  };
}

/** `input_tokens` leaves out what came from the cache. A stream begins with the prompt and ends with `message_delta`. */
function anthropic(frame: JsonObject): Reported {
  const isDelta = frame.type === 'message_delta';
  const usage =
    frame.type === 'message_start' ? objectAt(objectAt(frame, 'message'), 'usage') : objectAt(frame, 'usage');
  const outputTokens = countAt(usage, 'output_tokens');
  const uncached = countAt(usage, 'input_tokens');
  const isFinal = isDelta || frame.type === 'message';
  if (outputTokens === undefined) return {};
  if (uncached === undefined) return { outputTokens, isFinal };
  const cachedInputTokens = countAt(usage, 'cache_read_input_tokens') ?? 0;
  const cacheWriteTokens = countAt(usage, 'cache_creation_input_tokens') ?? 0;
  const inputTokens = uncached + cachedInputTokens + cacheWriteTokens;
  return { inputTokens, cachedInputTokens, cacheWriteTokens, outputTokens, isFinal };
}

/** Every frame has the sums so far; the last one has a finish reason. */
function google(frame: JsonObject): Reported {
  const usage = objectAt(frame, 'usageMetadata');
  const prompt = countAt(usage, 'promptTokenCount');
  if (prompt === undefined) return {};
  const ends = [...listAt(frame, 'candidates'), objectAt(frame, 'promptFeedback')];
  const toolTokens = countAt(usage, 'toolUsePromptTokenCount') ?? 0;
  return {
    inputTokens: prompt + toolTokens,
    cachedInputTokens: Math.min(countAt(usage, 'cachedContentTokenCount') ?? 0, prompt),
    outputTokens: (countAt(usage, 'candidatesTokenCount') ?? 0) + (countAt(usage, 'thoughtsTokenCount') ?? 0),
    ...(ends.some((end) => isObject(end) && (end.finishReason ?? end.blockReason) !== undefined) && { isFinal: true }),
  };
}

const READERS: Readonly<Record<UsageProvider, (frame: JsonObject) => Reported>> = {
  openai,
  anthropic,
  google,
  demo: openai,
};

/** Members of frames that hold generated text. */
const TEXTS: ReadonlySet<string> = new Set([
  'content',
  'text',
  'arguments',
  'partial_json',
  'thinking',
  'reasoning',
  'reasoning_content',
  'refusal',
  'delta',
  'args',
]);
const DEEPEST = 12;

/** Bytes of generated text in a frame. */
export function textBytesIn(value: unknown, isText = false, depth = 0): number {
  if (typeof value === 'string') return isText ? Buffer.byteLength(value) : 0;
  if (depth > DEEPEST) return 0;
  if (Array.isArray(value)) return value.reduce<number>((sum, one) => sum + textBytesIn(one, isText, depth + 1), 0);
  if (!isObject(value)) return 0;
  const members = Object.entries(value);
  return members.reduce((sum, [name, one]) => sum + textBytesIn(one, TEXTS.has(name), depth + 1), 0);
}
