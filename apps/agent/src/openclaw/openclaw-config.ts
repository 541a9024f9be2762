import type { ModelSettings, ProviderName } from '../settings.js';

/** Agents of one OpenClaw gateway: its owner's, with every tool, and the one peers talk to, with none. */
export const OWNER_AGENT = 'main';
export const PEERS_AGENT = 'peers';

/** What OpenClaw's configuration is made from. */
export interface OpenclawSetup {
  readonly model: Pick<ModelSettings, 'provider' | 'model' | 'maxTokens'>;
  /** Port of the bridge's model door on 127.0.0.1. */
  readonly modelDoorPort: number;
  /** Absolute paths. */
  readonly workspace: string;
  readonly peersWorkspace: string;
  readonly logFile: string;
  /** `config.sharedMode`: nobody gets tools, as if everybody were a peer. */
  readonly sharedMode: boolean;
}

/** Request adapters as OpenClaw names them. */
const ADAPTERS: Readonly<Record<ProviderName, string>> = {
  openai: 'openai-completions',
  demo: 'openai-completions',
  anthropic: 'anthropic-messages',
  google: 'google-generative-ai',
};

const CONTEXT_TOKENS = 128_000;
const REPLY_TOKENS = 8_192;
/** Of one workspace file, and of all together; what users may store is 64 KiB a file. */
const FILE_CHARACTERS = 65_536;
const FILES_CHARACTERS = 200_000;

/**
 * The contents of openclaw.json. Secrets stand in it only as names of variables. Everything that would call home, look for
 * channels or start by itself is off.
 */
export function openclawConfig(setup: OpenclawSetup): object {
  const { model, provider } = { model: setup.model.model, provider: setup.model.provider };
  return {
    gateway: {
      mode: 'local',
      bind: 'loopback',
      auth: { mode: 'token', token: '${OPENCLAW_GATEWAY_TOKEN}' },
      controlUi: { enabled: false },
      http: { endpoints: { chatCompletions: { enabled: true } } },
    },
    logging: {
      level: 'warn',
      file: setup.logFile,
      maxFileBytes: 5_000_000,
      consoleLevel: 'info',
      consoleStyle: 'json',
    },
    update: { checkOnStart: false },
    telemetry: { enabled: false },
    plugins: { allow: ['admin-http-rpc'], slots: { memory: 'none' } },
    skills: { allowBundled: [] },
    models: {
      mode: 'replace',
      providers: {
        rookery: {
          baseUrl: `http://127.0.0.1:${setup.modelDoorPort}${provider === 'google' ? '/v1beta' : provider === 'anthropic' ? '' : '/v1'}`,
          apiKey: '${ROOKERY_MODEL_DOOR_KEY}',
          api: ADAPTERS[provider],
          models: [modelEntry(model, setup.model.maxTokens)],
        },
      },
    },
    agents: agents(`rookery/${model}`, setup),
  };
}

function modelEntry(id: string, maxTokens: number | undefined): object {
  const cost = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 };
  const limits = { contextWindow: CONTEXT_TOKENS, maxTokens: maxTokens ?? REPLY_TOKENS };
  return { id, name: id, reasoning: false, input: ['text'], cost, ...limits };
}

function agents(model: string, { workspace, peersWorkspace, sharedMode }: OpenclawSetup): object {
  const withoutTools = { tools: { deny: ['*'] }, skills: [] };
  return {
    ownership: 'explicit',
    defaults: {
      model: { primary: model, fallbacks: [] },
      utilityModel: '',
      workspace,
      skipBootstrap: true,
      bootstrapMaxChars: FILE_CHARACTERS,
      bootstrapTotalMaxChars: FILES_CHARACTERS,
      heartbeat: { every: '0m', agentId: OWNER_AGENT },
      systemAgent: { agentId: OWNER_AGENT },
    },
    entries: {
      [OWNER_AGENT]: { workspace, ...(sharedMode ? withoutTools : {}) },
      [PEERS_AGENT]: { workspace: peersWorkspace, ...withoutTools },
    },
  };
}
