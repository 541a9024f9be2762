import { isAbsolute } from 'node:path';
import { type McpServersSettings, parseMcpServers } from './mcp/mcp-settings.js';

export const PROVIDERS = ['openai', 'anthropic', 'google', 'demo'] as const;
export type ProviderName = (typeof PROVIDERS)[number];

/** Where and how the model is reached. */
export interface ModelSettings {
  readonly provider: ProviderName;
  /** What the provider's paths are appended to, for example `http://127.0.0.1:4101/llm/openai`. */
  readonly baseUrl: string;
  /** The credential sent as the provider's key: a token of this agent's start, never a real key. */
  readonly token: string;
  readonly model: string;
  readonly temperature: number | undefined;
  readonly maxTokens: number | undefined;
  /** Longest silence of the provider before a turn fails. */
  readonly silenceTimeoutMs: number;
  /** Further attempts after a connection failure, 408, 409, 429 or 5xx, with growing pauses from 2 s. */
  readonly retries: number;
  /** About how many tokens of conversation are sent to the model; more is compacted. */
  readonly contextTokens: number;
}

/** Everything the house runtime reads from its environment. */
export interface AgentSettings {
  readonly agentId: string;
  readonly agentName: string;
  readonly bind: string;
  /** 0 picks a free port. */
  readonly port: number;
  readonly workspace: string;
  readonly gatewayToken: string;
  readonly nonce: string;
  readonly model: ModelSettings;
  /** Where the control plane offers this agent tools, for example `http://127.0.0.1:4101/door`; undefined for none. */
  readonly doorUrl: string | undefined;
  /** Where the agent runs; some things are allowed in a container only. */
  readonly runtime: 'process' | 'docker';
  readonly mcpServers: McpServersSettings;
  /** How long running turns may go on after SIGTERM. */
  readonly drainMs: number;
}

/** The environment is wrong; names every variable at fault and no value. */
export class SettingsError extends Error {
  constructor(problems: readonly string[]) {
    super(`The agent's environment is wrong: ${problems.join('; ')}`);
    this.name = 'SettingsError';
  }
}

const DEFAULT_MODELS: Readonly<Record<ProviderName, string>> = {
  openai: 'gpt-5-mini',
  anthropic: 'claude-sonnet-4-5',
  google: 'gemini-2.5-flash',
  demo: 'demo',
};

/** @throws SettingsError naming all that is missing or malformed. */
export function readSettings(environment: Readonly<Record<string, string | undefined>>): AgentSettings {
  const env = new Reader(environment);
  const provider = env.provider();
  const settings: AgentSettings = {
    agentId: env.required('ROOKERY_AGENT_ID'),
    agentName: env.optional('ROOKERY_AGENT_NAME') ?? 'agent',
    bind: env.optional('ROOKERY_BIND') ?? '127.0.0.1',
    port: env.number('ROOKERY_PORT', undefined, 0, 65_535, true) ?? 0,
    workspace: env.absolutePath('ROOKERY_WORKSPACE'),
    gatewayToken: env.required('ROOKERY_GATEWAY_TOKEN'),
    nonce: env.optional('ROOKERY_INSTANCE_NONCE') ?? '',
    model: {
      provider,
      baseUrl: env.url('ROOKERY_LLM_BASE_URL'),
      token: env.required('ROOKERY_LLM_TOKEN'),
      model: env.optional('ROOKERY_MODEL') ?? DEFAULT_MODELS[provider],
      temperature: env.number('ROOKERY_TEMPERATURE', undefined, 0, 2),
      maxTokens: env.number('ROOKERY_MAX_TOKENS', undefined, 1, 10_000_000, true),
      silenceTimeoutMs: env.number('ROOKERY_PROVIDER_TIMEOUT_MS', 120_000, 10, 3_600_000, true) ?? 0,
      retries: env.number('ROOKERY_PROVIDER_RETRIES', 1, 0, 5, true) ?? 0,
      contextTokens: env.number('ROOKERY_CONTEXT_TOKENS', 32_000, 100, 10_000_000, true) ?? 0,
    },
    doorUrl: env.optional('ROOKERY_DOOR_URL') === undefined ? undefined : env.url('ROOKERY_DOOR_URL'),
    runtime: env.runtime(),
    mcpServers: env.mcpServers(),
    drainMs: env.number('ROOKERY_DRAIN_MS', 2000, 0, 600_000, true) ?? 0,
  };
  env.finish();
  return settings;
}

class Reader {
  private readonly problems: string[] = [];

  constructor(private readonly environment: Readonly<Record<string, string | undefined>>) {}

  finish(): void {
    if (this.problems.length > 0) throw new SettingsError(this.problems);
  }

  optional(name: string): string | undefined {
    return this.environment[name]?.trim() || undefined;
  }

  required(name: string): string {
    const value = this.optional(name);
    if (value === undefined) this.problems.push(`${name} is missing`);
    return value ?? '';
  }

  provider(): ProviderName {
    const value = this.required('ROOKERY_LLM_PROVIDER');
    const known = PROVIDERS.find((provider) => provider === value);
    if (value && !known) this.problems.push(`ROOKERY_LLM_PROVIDER must be one of ${PROVIDERS.join(', ')}`);
    return known ?? 'demo';
  }

  runtime(): 'process' | 'docker' {
    const value = this.optional('ROOKERY_RUNTIME') ?? 'process';
    if (value === 'process' || value === 'docker') return value;
    this.problems.push('ROOKERY_RUNTIME must be process or docker');
    return 'process';
  }

  mcpServers(): McpServersSettings {
    const servers = parseMcpServers(this.optional('ROOKERY_MCP_SERVERS') ?? '{}');
    if (!servers) this.problems.push('ROOKERY_MCP_SERVERS must be a JSON object of servers');
    return servers ?? {};
  }

  absolutePath(name: string): string {
    const value = this.required(name);
    if (value && !isAbsolute(value)) this.problems.push(`${name} must be an absolute path`);
    return value;
  }

  url(name: string): string {
    const value = this.required(name);
    if (value && !/^https?:$/.test(URL.parse(value)?.protocol ?? ''))
      this.problems.push(`${name} must be an http(s) URL`);
    return value.replace(/\/+$/, '');
  }

  number(name: string, fallback: number | undefined, min: number, max: number, whole = false): number | undefined {
    const text = this.optional(name);
    if (text === undefined) return fallback;
    const value = Number(text);
    if (Number.isFinite(value) && value >= min && value <= max && (!whole || Number.isInteger(value))) return value;
    this.problems.push(`${name} must be a ${whole ? 'whole ' : ''}number from ${min} to ${max}`);
    return fallback;
  }
}
