import type { PriceFile } from './price-table.js';

/** Public list prices in micro-USD a million tokens, as of November 2026 at the latest. `PRICES_FILE` replaces them all. */
export const DEFAULT_PRICES: PriceFile = {
  openai: {
    'gpt-5.2': { input: usd(1.75), cachedInput: usd(0.175), output: usd(14), maxOutputTokens: 128_000 },
    'gpt-5.1': { input: usd(1.25), cachedInput: usd(0.125), output: usd(10), maxOutputTokens: 128_000 },
    'gpt-5.1-codex': { input: usd(1.25), cachedInput: usd(0.125), output: usd(10), maxOutputTokens: 128_000 },
    'gpt-5.1-codex-mini': { input: usd(0.25), cachedInput: usd(0.025), output: usd(2), maxOutputTokens: 128_000 },
    'gpt-5': { input: usd(1.25), cachedInput: usd(0.125), output: usd(10), maxOutputTokens: 128_000 },
    'gpt-5-codex': { input: usd(1.25), cachedInput: usd(0.125), output: usd(10), maxOutputTokens: 128_000 },
    'gpt-5-chat': { input: usd(1.25), cachedInput: usd(0.125), output: usd(10), maxOutputTokens: 16_384 },
    'gpt-5-mini': { input: usd(0.25), cachedInput: usd(0.025), output: usd(2), maxOutputTokens: 128_000 },
    'gpt-5-nano': { input: usd(0.05), cachedInput: usd(0.005), output: usd(0.4), maxOutputTokens: 128_000 },
    'gpt-5-pro': { input: usd(15), output: usd(120), maxOutputTokens: 128_000 },
    'gpt-4.1': { input: usd(2), cachedInput: usd(0.5), output: usd(8), maxOutputTokens: 32_768 },
    'gpt-4.1-mini': { input: usd(0.4), cachedInput: usd(0.1), output: usd(1.6), maxOutputTokens: 32_768 },
    'gpt-4.1-nano': { input: usd(0.1), cachedInput: usd(0.025), output: usd(0.4), maxOutputTokens: 32_768 },
    'gpt-4o': { input: usd(2.5), cachedInput: usd(1.25), output: usd(10), maxOutputTokens: 16_384 },
    'gpt-4o-2024-05-13': { input: usd(5), output: usd(15), maxOutputTokens: 4_096 },
    'gpt-4o-mini': { input: usd(0.15), cachedInput: usd(0.075), output: usd(0.6), maxOutputTokens: 16_384 },
    o1: { input: usd(15), cachedInput: usd(7.5), output: usd(60), maxOutputTokens: 100_000 },
    o3: { input: usd(2), cachedInput: usd(0.5), output: usd(8), maxOutputTokens: 100_000 },
    'o3-mini': { input: usd(1.1), cachedInput: usd(0.55), output: usd(4.4), maxOutputTokens: 100_000 },
    'o3-pro': { input: usd(20), output: usd(80), maxOutputTokens: 100_000 },
    'o4-mini': { input: usd(1.1), cachedInput: usd(0.275), output: usd(4.4), maxOutputTokens: 100_000 },
    'gpt-4-turbo': { input: usd(10), output: usd(30), maxOutputTokens: 4_096 },
    'gpt-4': { input: usd(30), output: usd(60), maxOutputTokens: 8_192 },
    'gpt-3.5-turbo': { input: usd(0.5), output: usd(1.5), maxOutputTokens: 4_096 },
    'text-embedding-3-small': { input: usd(0.02), output: 0 },
    'text-embedding-3-large': { input: usd(0.13), output: 0 },
    'text-embedding-ada-002': { input: usd(0.1), output: 0 },
  },
  anthropic: {
    'claude-opus-4-5': claude(5, 25, 64_000),
    'claude-opus-4-1': claude(15, 75, 32_000),
    'claude-opus-4': claude(15, 75, 32_000),
    'claude-opus-4-0': claude(15, 75, 32_000),
    'claude-sonnet-4-5': { ...claude(3, 15, 64_000), long: { aboveInputTokens: 200_000, ...claude(6, 22.5) } },
    'claude-sonnet-4': { ...claude(3, 15, 64_000), long: { aboveInputTokens: 200_000, ...claude(6, 22.5) } },
    'claude-sonnet-4-0': { ...claude(3, 15, 64_000), long: { aboveInputTokens: 200_000, ...claude(6, 22.5) } },
    'claude-haiku-4-5': claude(1, 5, 64_000),
    'claude-3-7-sonnet': claude(3, 15, 64_000),
    'claude-3-5-sonnet': claude(3, 15, 8_192),
    'claude-3-5-haiku': claude(0.8, 4, 8_192),
    'claude-3-opus': claude(15, 75, 4_096),
    'claude-3-haiku': { ...claude(0.25, 1.25, 4_096), cachedInput: usd(0.03), cacheWrite: usd(0.3) },
  },
  google: {
    'gemini-3-pro': { ...gemini(2, 0.2, 12), long: { aboveInputTokens: 200_000, ...rates(4, 0.4, 18) } },
    'gemini-2.5-pro': { ...gemini(1.25, 0.125, 10), long: { aboveInputTokens: 200_000, ...rates(2.5, 0.25, 15) } },
    'gemini-2.5-flash': gemini(0.3, 0.03, 2.5),
    'gemini-2.5-flash-lite': gemini(0.1, 0.01, 0.4),
    'gemini-2.0-flash': { ...rates(0.1, 0.025, 0.4), maxOutputTokens: 8_192 },
    'gemini-2.0-flash-lite': { input: usd(0.075), output: usd(0.3), maxOutputTokens: 8_192 },
    'gemini-embedding-001': { input: usd(0.15), output: 0 },
  },
};

/** Anthropic's cache: reading costs a tenth of the input price, writing for five minutes a quarter more. */
function claude(inputUsd: number, outputUsd: number, maxOutputTokens?: number) {
  const limit = maxOutputTokens === undefined ? {} : { maxOutputTokens };
  const [cachedInput, cacheWrite] = [usd(inputUsd / 10), usd(inputUsd * 1.25)];
  return { input: usd(inputUsd), cachedInput, cacheWrite, output: usd(outputUsd), ...limit };
}

function rates(inputUsd: number, cachedUsd: number, outputUsd: number) {
  return { input: usd(inputUsd), cachedInput: usd(cachedUsd), output: usd(outputUsd) };
}

function gemini(inputUsd: number, cachedUsd: number, outputUsd: number) {
  return { ...rates(inputUsd, cachedUsd, outputUsd), maxOutputTokens: 65_536 };
}

/** Dollars in micro-USD. */
function usd(dollars: number): number {
  return Math.round(dollars * 1_000_000);
}
