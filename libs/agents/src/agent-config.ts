import { type FieldIssue, invalid } from '#libs/kernel';
import { mcpServerIssues } from '#libs/mcp';
import type { AgentConfig } from './agent.js';
import { egressProblem } from './egress/egress-hosts.js';

export const PROVIDERS = ['anthropic', 'openai', 'google', 'demo'] as const;
export type Provider = (typeof PROVIDERS)[number];

/** Names of the secrets that open an LLM provider. */
export const LLM_KEYS: Readonly<Record<Exclude<Provider, 'demo'>, string>> = {
  anthropic: 'anthropic_api_key',
  openai: 'openai_api_key',
  google: 'google_api_key',
};

/** How the names of each provider's models begin. */
const MODEL_NAMES: readonly (readonly [Provider, RegExp])[] = [
  ['anthropic', /^(anthropic\/|claude)/i],
  ['openai', /^(openai\/|gpt-|chatgpt|o\d)/i],
  ['google', /^(google\/|gemini)/i],
  ['demo', /^demo(\/|$)/i],
];

/** The provider that config names, or whose the model is by its name; undefined: any. */
export function wantedProvider({ llmProvider, model = '' }: AgentConfig): Provider | undefined {
  return llmProvider ?? MODEL_NAMES.find(([, pattern]) => pattern.test(model))?.[0];
}

const BY_KEY = ['anthropic', 'openai', 'google'] as const;

/** Providers an agent may use, the one it should use first: the first of them whose key exists is the one. */
export function providersFor(config: AgentConfig): readonly Provider[] {
  if (config.llmProvider) return [config.llmProvider];
  const first = wantedProvider(config);
  if (first === undefined) return BY_KEY;
  return first === 'demo' ? [first] : [first, ...BY_KEY.filter((provider) => provider !== first)];
}

/** The one an agent uses that has these secrets, its own and its swarm's and organisation's, by name. */
export const providerWith = (config: AgentConfig, secrets: readonly string[]): Provider | undefined =>
  providersFor(config).find((provider) => provider === 'demo' || secrets.includes(LLM_KEYS[provider]));

/** The model as its provider calls it: without the provider's name in front. */
export const modelAt = (provider: Provider, model = DEFAULT_MODELS[provider]): string =>
  model.toLowerCase().startsWith(`${provider}/`) ? model.slice(provider.length + 1) : model;

/** The model used where config names none. */
export const DEFAULT_MODELS: Readonly<Record<Provider, string>> = {
  anthropic: 'claude-sonnet-4-5',
  openai: 'gpt-5-mini',
  google: 'gemini-2.5-flash',
  demo: 'demo',
};

const MOST_CONFIG_BYTES = 65_536;
const MOST_TOKENS = 1_000_000;

type Check = (value: unknown) => string | undefined;

const CHECKS: Readonly<Record<string, Check>> = {
  llmProvider: (value) =>
    (PROVIDERS as readonly unknown[]).includes(value) ? undefined : `must be one of ${PROVIDERS.join(', ')}`,
  model: (value) =>
    typeof value === 'string' && value.length > 0 && value.length <= 255
      ? undefined
      : 'must be a text of 1 to 255 characters',
  temperature: (value) =>
    typeof value === 'number' && value >= 0 && value <= 2 ? undefined : 'must be a number from 0 to 2',
  sharedMode: (value) => (typeof value === 'boolean' ? undefined : 'must be true or false'),
  maxTokens: (value) =>
    Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MOST_TOKENS
      ? undefined
      : `must be a whole number from 1 to ${MOST_TOKENS}`,
  egress: egressProblem,
};

/**
 * The config as it is stored.
 * @param stdioWorks whether programs may be started beside the agent (docker)
 * @throws DomainError `validation` naming each wrong field.
 */
export function checkedConfig(config: Readonly<Record<string, unknown>>, stdioWorks = false): AgentConfig {
  const issues: FieldIssue[] = Object.entries(config).flatMap(([field, value]) => {
    const problem = CHECKS[field]?.(value);
    return problem ? [{ path: ['body', 'config', field], message: problem, type: 'invalid' }] : [];
  });
  if (config.mcpServers !== undefined) issues.push(...mcpServerIssues(config.mcpServers, stdioWorks));
  const text = JSON.stringify(config);
  if (Buffer.byteLength(text) > MOST_CONFIG_BYTES) {
    issues.push({ path: ['body', 'config'], message: `must not exceed ${MOST_CONFIG_BYTES} bytes`, type: 'too_long' });
  }
  if (text.includes('\\u0000')) {
    issues.push({ path: ['body', 'config'], message: 'must not hold NUL characters', type: 'invalid' });
  }
  if (issues[0]) throw invalid(`config${suffix(issues[0])} ${issues[0].message}`, issues);
  return config as AgentConfig;
}

const suffix = (issue: FieldIssue): string =>
  issue.path
    .slice(2)
    .map((part) => `.${part}`)
    .join('');

/** Shallow merge; null removes a key. @throws DomainError `validation`. */
export function mergedConfig(
  old: AgentConfig,
  change: Readonly<Record<string, unknown>>,
  stdioWorks = false,
): AgentConfig {
  const entries = Object.entries({ ...old, ...change }).filter(([, value]) => value !== null);
  return checkedConfig(Object.fromEntries(entries), stdioWorks);
}

/** A config at creation: null fields mean "not set". */
export const newConfig = (config: Readonly<Record<string, unknown>>, stdioWorks = false): AgentConfig =>
  mergedConfig({}, config, stdioWorks);
