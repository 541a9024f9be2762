import { type FieldIssue, invalid } from '#libs/kernel';

/** LLM providers whose keys can be stored. */
export type Provider = 'openai' | 'anthropic' | 'google';

/** Whose secret it is. */
export interface SecretOwner {
  readonly kind: 'agent' | 'swarm' | 'organisation';
  readonly id: string;
}

/** Name under which a provider's key is stored. */
export const PROVIDER_SECRET: Readonly<Record<Provider, string>> = {
  openai: 'openai_api_key',
  anthropic: 'anthropic_api_key',
  google: 'google_api_key',
};

/** Of the secrets that the owner names: credentials of the agent's MCP servers. */
export const MCP_SECRET_PREFIX = 'mcp_';

/** Whether a server of the agent may be given this secret: keys of model providers and channels never go to one. */
export const isMcpSecret = (name: string): boolean => /^mcp_[a-z0-9_]{1,60}$/.test(name);

const PREFIXES: Readonly<Record<string, string>> = {
  anthropic_api_key: 'sk-ant-',
  openai_api_key: 'sk-',
  slack_bot_token: 'xoxb-',
  slack_app_token: 'xapp-',
};

const NAME = /^[a-z][a-z0-9_]{0,63}$/;
const MOST_CHARS = 8_192;
const MOST_SECRETS = 64;

/** What is wrong with a secret, as a clause without its value; undefined when it is fine. */
export function secretProblem(name: string, value: unknown): string | undefined {
  if (!NAME.test(name)) return 'must have a name of up to 64 lower-case letters, digits and underscores';
  if (typeof value !== 'string' || value.trim() === '') return 'must be a text that is not empty';
  if (value.length > MOST_CHARS) return `must have at most ${MOST_CHARS} characters`;
  if (/[\u0000-\u001f\u007f]/.test(value)) return 'must not contain control characters';
  const prefix = PREFIXES[name];
  return prefix === undefined || value.startsWith(prefix) ? undefined : `must start with ${prefix}`;
}

/** @throws DomainError `validation` naming every wrong secret, never its value. */
export function requireGoodSecrets(values: Readonly<Record<string, string>>): void {
  const entries = Object.entries(values);
  if (entries.length > MOST_SECRETS) throw invalid(`secrets must be at most ${MOST_SECRETS}`);
  const issues = entries.flatMap(([name, value]): FieldIssue[] => {
    const message = secretProblem(name, value);
    return message === undefined ? [] : [{ path: ['secrets', name], message: `${name} ${message}`, type: 'secret' }];
  });
  if (issues.length > 0) throw invalid(issues.map((issue) => issue.message).join('; '), issues);
}
