import { DEFAULT_PRICES } from './default-prices.js';
import type { TokenUsage, UsageProvider } from './usage.js';

/** Prices in micro-USD a million tokens. */
export interface Rates {
  readonly input: number;
  /** Prompt tokens the provider had kept; left out: as `input`. */
  readonly cachedInput?: number;
  /** Prompt tokens the provider keeps from now on; left out: as `input`. */
  readonly cacheWrite?: number;
  readonly output: number;
}

/** What one model costs. */
export interface ModelPrice extends Rates {
  /** Most tokens an answer of the model can have. */
  readonly maxOutputTokens?: number;
  /** What the whole call costs when its prompt is longer than that. */
  readonly long?: Rates & { readonly aboveInputTokens: number };
}

/** The content of `PRICES_FILE`: provider → model → price. */
export type PriceFile = Readonly<Partial<Record<Exclude<UsageProvider, 'demo'>, Readonly<Record<string, ModelPrice>>>>>;

const PROVIDERS = ['openai', 'anthropic', 'google'] as const;
const RATES = ['input', 'cachedInput', 'cacheWrite', 'output'] as const;
const REQUIRED = ['input', 'output'];
const MOST_PRICE = 1_000_000_000_000;
const FREE: ModelPrice = { input: 0, output: 0 };
/** `-2025-08-07`, `-20250929`, `-latest`, `-preview`, `-preview-05-20`, `-001`: the same model under another name. */
const SUFFIX = /-(\d{4}-\d{2}-\d{2}|\d{8}|latest|preview(-\d{2}-\d{2,4})?|\d{3})$/;

/** What models cost. A model is found by its name, else by its name without a date or another sign of its version. */
export class PriceTable {
  constructor(private readonly prices: PriceFile = DEFAULT_PRICES) {}

  /**
   * Reads the text of `PRICES_FILE`; without one the built-in prices count.
   * @throws Error that names the wrong place.
   */
  static parse(text: string | undefined): PriceTable {
    if (text === undefined) return new PriceTable();
    let file: unknown;
    try {
      file = JSON.parse(text);
    } catch {
      throw wrong('is not valid JSON');
    }
    for (const [provider, models] of entriesOf(file, 'it')) {
      if (!PROVIDERS.some((known) => known === provider)) throw wrong(`names the unknown provider ${provider}`);
      for (const [model, price] of entriesOf(models, provider)) checkPrice(price, `${provider}.${model}`);
    }
    return new PriceTable(file as PriceFile);
  }

  /** Undefined for a model that nobody has priced; the demo model is free. */
  find(provider: UsageProvider, model: string): ModelPrice | undefined {
    if (provider === 'demo') return FREE;
    const models = this.prices[provider] ?? {};
    for (let name = model; ;) {
      if (Object.hasOwn(models, name)) return models[name];
      const shorter = name.replace(SUFFIX, '');
      if (shorter === name) return undefined;
      name = shorter;
    }
  }
}

/** The rates of a call with so long a prompt. */
export const ratesFor = (price: ModelPrice, inputTokens: number): Rates =>
  price.long && inputTokens > price.long.aboveInputTokens ? price.long : price;

/** What a call cost, rounded up to a whole micro-USD. */
export function costMicroUsd(price: ModelPrice, usage: TokenUsage): number {
  const { input, output, cachedInput = input, cacheWrite = input } = ratesFor(price, usage.inputTokens);
  const plain = Math.max(0, usage.inputTokens - usage.cachedInputTokens - usage.cacheWriteTokens);
  const pico =
    plain * input +
    usage.cachedInputTokens * cachedInput +
    usage.cacheWriteTokens * cacheWrite +
    usage.outputTokens * output;
  return Math.ceil(pico / 1_000_000);
}

function checkPrice(price: unknown, place: string): void {
  const fields = new Map(entriesOf(price, place));
  for (const name of RATES) {
    if (fields.has(name) || REQUIRED.includes(name)) requireNumber(fields.get(name), `${place}.${name}`);
  }
  if (fields.has('maxOutputTokens')) requireNumber(fields.get('maxOutputTokens'), `${place}.maxOutputTokens`, 1);
  if (!fields.has('long')) return;
  checkPrice(fields.get('long'), `${place}.long`);
  requireNumber((fields.get('long') as Record<string, unknown>).aboveInputTokens, `${place}.long.aboveInputTokens`, 1);
}

function requireNumber(value: unknown, place: string, least = 0): void {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= MOST_PRICE) return;
  throw wrong(`must have a whole number from ${least} at ${place} (micro-USD a million tokens, or tokens)`);
}

function entriesOf(value: unknown, place: string): [string, unknown][] {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return Object.entries(value);
  throw wrong(`must have an object at ${place}`);
}

const wrong = (problem: string): Error => new Error(`PRICES_FILE ${problem}`);
