import { describe, expect, it } from '@jest/globals';
import { DEFAULT_PRICES } from './default-prices.js';
import { PriceTable, costMicroUsd } from './price-table.js';

const usage = { inputTokens: 0, cachedInputTokens: 0, cacheWriteTokens: 0, outputTokens: 0 };

describe('the price table', () => {
  it('has built-in prices in the form that operators write', () => {
    const table = PriceTable.parse(JSON.stringify(DEFAULT_PRICES));
    expect(table.find('openai', 'gpt-5-mini')).toEqual(DEFAULT_PRICES.openai?.['gpt-5-mini']);
    expect(table.find('anthropic', 'claude-sonnet-4-5')).toMatchObject({ input: 3_000_000, output: 15_000_000 });
  });

  it.each([
    ['openai', 'gpt-4o-mini-2024-07-18', 150_000],
    ['openai', 'gpt-4o-2024-05-13', 5_000_000],
    ['openai', 'gpt-5-chat-latest', 1_250_000],
    ['anthropic', 'claude-3-5-haiku-20241022', 800_000],
    ['google', 'gemini-2.5-flash-preview-05-20', 300_000],
    ['google', 'gemini-2.0-flash-001', 100_000],
    ['demo', 'anything', 0],
  ] as const)('finds %s %s', (provider, model, input) => {
    expect(new PriceTable().find(provider, model)?.input).toBe(input);
  });

  it.each(['gpt-4o-audio-preview', 'gpt-9', 'constructor', 'toString', ''])('has no price for %p', (model) => {
    expect(new PriceTable().find('openai', model)).toBeUndefined();
  });

  it('replaces every built-in price', () => {
    const table = PriceTable.parse('{"openai":{"mine":{"input":1,"output":2}}}');
    expect([table.find('openai', 'mine')?.output, table.find('openai', 'gpt-5')]).toEqual([2, undefined]);
  });

  it.each([
    ['not JSON', '{', /not valid JSON/],
    ['a list', '[]', /object at it/],
    ['an unknown provider', '{"acme":{}}', /acme/],
    ['a missing price', '{"openai":{"m":{"input":1}}}', /openai\.m\.output/],
    ['dollars', '{"openai":{"m":{"input":0.5,"output":2}}}', /openai\.m\.input/],
    ['a negative price', '{"openai":{"m":{"input":1,"output":2,"cachedInput":-1}}}', /openai\.m\.cachedInput/],
    [
      'a price for long prompts of no length',
      '{"google":{"m":{"input":1,"output":2,"long":{"input":1,"output":1}}}}',
      /long/,
    ],
  ])('refuses %s by its place', (_case, text, message) => {
    expect(() => PriceTable.parse(text)).toThrow(message);
  });

  it('prices cached prompts, cache writes and long prompts apart, and rounds up', () => {
    const price = { input: 3_000_000, cachedInput: 300_000, cacheWrite: 3_750_000, output: 15_000_000 };
    const all = { inputTokens: 1000, cachedInputTokens: 400, cacheWriteTokens: 100, outputTokens: 10 };
    expect(costMicroUsd(price, all)).toBe(500 * 3 + 400 * 0.3 + 375 + 150);
    expect(costMicroUsd({ input: 50_000, output: 0 }, { ...usage, inputTokens: 1 })).toBe(1);
    const long = { ...price, long: { aboveInputTokens: 999, input: 6_000_000, output: 0 } };
    expect(costMicroUsd(long, all)).toBe(6000);
    expect(costMicroUsd(price, usage)).toBe(0);
  });
});
