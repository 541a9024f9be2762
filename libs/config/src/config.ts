import { availableParallelism, hostname, totalmem } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { EnvReader } from './env-reader.js';

const SERVICE_URLS = {
  anthropic: 'https://api.anthropic.com/v1',
  openai: 'https://api.openai.com/v1',
  cohere: 'https://api.cohere.com/v1',
  huggingface: 'https://huggingface.co/api',
  google: 'https://generativelanguage.googleapis.com/v1beta',
  groq: 'https://api.groq.com/openai/v1',
  mistral: 'https://api.mistral.ai/v1',
  ollama: 'https://ollama.com/api',
} as const;
const SERVICE_NAMES = Object.keys(SERVICE_URLS) as (keyof typeof SERVICE_URLS)[];

export type RuntimeName = 'process' | 'docker' | 'fake';
export type AgentRuntimeName = 'house' | 'openclaw';
export type WorkerRole = 'host' | 'control' | 'edge';

/** A bucket of an S3-compatible store. */
export interface S3Settings {
  /** Undefined: AWS itself. */
  readonly endpoint: string | undefined;
  readonly bucket: string;
  readonly region: string;
  /** Undefined: found where the AWS SDK looks, for example the role of the machine. */
  readonly accessKeyId: string | undefined;
  readonly secretAccessKey: string | undefined;
  /** The bucket stands in the path, not in the host name. */
  readonly forcePathStyle: boolean;
}

/** Everything Rookery reads from its environment, parsed once. Sizes and times carry their unit in the name. */
export interface Config {
  readonly env: 'development' | 'production' | 'test';
  readonly role: WorkerRole;
  readonly http: {
    readonly port: number;
    readonly host: string;
    readonly publicUrl: string;
    readonly trustProxy: string | boolean;
    readonly corsOrigins: readonly string[];
  };
  readonly databaseUrl: string;
  readonly redisUrl: string | undefined;
  readonly dataDir: string;
  readonly storage: {
    /** Where objects are kept unless S3 is set. */
    readonly dir: string;
    readonly s3: S3Settings | undefined;
  };
  /** Where signed checkpoints of the audit log go. */
  readonly audit: {
    readonly dir: string;
    /** What the signing key follows from; undefined: whoever signs makes it and keeps it in `keyFile`. */
    readonly key: string | undefined;
    readonly keyFile: string;
  };
  /** What is kept of the files that agents write. */
  readonly workspace: {
    readonly syncEverySeconds: number;
    readonly maxFileMb: number;
    readonly maxMb: number;
  };
  readonly runtime: RuntimeName;
  readonly agent: {
    readonly runtime: AgentRuntimeName;
    readonly image: string;
    readonly memoryMb: number;
    readonly cpus: number;
    readonly capacity: number;
  };
  /** OpenClaw, the other runtime of agents. */
  readonly openclaw: {
    /** Folder whose node_modules hold OpenClaw, for the process runtime; undefined: none is installed. */
    readonly dir: string | undefined;
    readonly image: string;
    readonly memoryMb: number;
    readonly cpus: number;
  };
  readonly host: {
    readonly id: string;
    readonly region: string;
    /** SIGTERM stops this host's agents too; they start again with the next worker. For a worker that ends with its user. */
    readonly stopAgentsOnExit: boolean;
  };
  readonly edge: {
    readonly bind: string;
    /** Door for the API (relay). */
    readonly relayPort: number;
    /** Door for agents (LLM broker, agent API). */
    readonly agentPort: number;
    /** Address under which the API reaches the relay, for example `http://edge:4100`. */
    readonly url: string;
    /** Image the worker starts its edge container from in the docker runtime; empty: somebody else runs the edge. */
    readonly image: string | undefined;
    /** Model calls of one agent that may be under way at once. */
    readonly callsPerAgent: number;
    /** Name of the edge's container, joined to each agent network in the docker runtime. */
    readonly container: string;
  };
  readonly docker: { readonly subnetPool: string };
  readonly skills: {
    /** Folder of community skills that every organisation sees. */
    readonly folder: string | undefined;
    /** Base URL of the registry from which organisations add skills; undefined: none can. */
    readonly npmRegistry: string | undefined;
  };
  readonly providers: {
    readonly openai: { readonly baseUrl: string; readonly apiKey: string | undefined };
    readonly anthropic: { readonly baseUrl: string; readonly apiKey: string | undefined };
    readonly google: { readonly baseUrl: string; readonly apiKey: string | undefined };
    /** A provider that sends nothing for this long is given up. */
    readonly silenceTimeoutMs: number;
  };
  /** Where keys of services are checked; those of model providers where their models are called. */
  readonly services: {
    readonly baseUrls: Readonly<Record<(typeof SERVICE_NAMES)[number], string>>;
    readonly timeoutMs: number;
  };
  /** What models cost, the JSON text of `PRICES_FILE`; without it the built-in prices count. */
  readonly prices: string | undefined;
  /** How texts of knowledge become vectors. Without a URL the offline model does it. */
  readonly embeddings: {
    readonly url: string | undefined;
    readonly model: string;
    readonly apiKey: string | undefined;
  };
  readonly knowledge: {
    /** `auto`: pgvector where the database has it. */
    readonly vectorStore: 'auto' | 'pgvector' | 'memory';
    /** What the in-process indexes of one program may hold. */
    readonly vectorCacheMb: number;
  };
  readonly security: {
    readonly jwtSecret: string;
    readonly masterKey: string;
    /** Master keys that may still have wrapped stored keys; see `secrets:rotate`. */
    readonly previousMasterKeys: readonly string[];
    readonly registration: 'open' | 'invite' | 'closed';
    readonly adminEmails: readonly string[];
    readonly egressAllowCidrs: readonly string[];
    readonly allowUnisolated: boolean;
    readonly metricsToken: string | undefined;
  };
  /** Where a worker shows its metrics; the API and the edge show theirs on doors that they have anyway. */
  readonly metrics: {
    /** Undefined: nowhere. */
    readonly port: number | undefined;
    readonly bind: string;
  };
  /** The OpenID Connect provider that people may sign in with; undefined: passwords alone. */
  readonly oidc:
    | {
        readonly issuer: string;
        readonly clientId: string;
        /** Undefined: a public client, by PKCE alone. */
        readonly clientSecret: string | undefined;
        readonly scopes: string;
      }
    | undefined;
  /** How messages are sent. */
  readonly mail: {
    /** `smtp://` or `smtps://`, credentials included; undefined: no mail is sent. */
    readonly smtpUrl: string | undefined;
    /** Sender of every message, an address or `Name <address>`. */
    readonly from: string;
  };
  readonly limits: {
    readonly ratePerMinute: number;
    readonly authPerMinute: number;
    readonly logRetentionDays: number;
    readonly eventRetentionDays: number;
    readonly chatRetentionDays: number;
    readonly taskRetentionDays: number;
    readonly heartbeatRetentionDays: number;
    /** Turns that one worker has under way at once. */
    readonly heartbeatConcurrency: number;
    /** Of files that could not be loaded into knowledge. */
    readonly knowledgeFileRetentionDays: number;
    readonly usageRetentionDays: number;
    readonly auditRetentionDays: number;
    readonly inviteRetentionDays: number;
  };
  readonly logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';
}

/**
 * Parses an environment.
 * @throws ConfigError naming every malformed or missing variable at once.
 */
export function loadConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  const env = new EnvReader(environment);
  const nodeEnv = env.oneOf('NODE_ENV', ['development', 'production', 'test'] as const, 'development');
  const production = nodeEnv === 'production';
  const dataDir = resolve(env.text('DATA_DIR', '.rookery'));
  const port = env.integer('PORT', 3000, 0, 65535);
  const host = env.text('HOST', '127.0.0.1');
  const relayPort = env.integer('EDGE_RELAY_PORT', 4100, 0, 65535);
  const config: Config = {
    env: nodeEnv,
    role: env.oneOf('ROLE', ['host', 'control', 'edge'] as const, 'host'),
    http: {
      port,
      host,
      publicUrl: env.url('PUBLIC_URL', `http://${host.includes(':') ? `[${host}]` : host}:${port}`),
      trustProxy: env.booleanOrText('TRUST_PROXY', false),
      corsOrigins: env.list('CORS_ORIGINS'),
    },
    databaseUrl: env.requiredUrl('DATABASE_URL', ['postgres:', 'postgresql:']),
    redisUrl: env.optionalUrl('REDIS_URL', ['redis:', 'rediss:']),
    dataDir,
    storage: storage(env, dataDir),
    audit: audit(env, dataDir),
    workspace: workspace(env),
    runtime: env.oneOf('RUNTIME', ['process', 'docker', 'fake'] as const, 'process'),
    agent: {
      runtime: env.oneOf('AGENT_RUNTIME', ['house', 'openclaw'] as const, 'house'),
      image: env.text('AGENT_IMAGE', 'rookery/agent:local'),
      memoryMb: env.integer('AGENT_MEMORY_MB', 512, 64, 1_048_576),
      cpus: env.decimal('AGENT_CPUS', 1, 0.05, 1024),
      capacity: env.integer('HOST_CAPACITY', defaultCapacity(), 1, 100_000),
    },
    openclaw: openclaw(env),
    host: {
      id: env.text('HOST_ID', hostname()),
      region: env.text('HOST_REGION', ''),
      stopAgentsOnExit: env.flag('ROOKERY_STOP_AGENTS_ON_EXIT', false),
    },
    edge: edge(env, relayPort),
    docker: { subnetPool: env.text('DOCKER_SUBNET_POOL', '10.213.0.0/16') },
    skills: skills(env),
    providers: providers(env),
    services: services(env),
    prices: env.optional('PRICES'),
    embeddings: embeddings(env),
    knowledge: knowledge(env),
    security: security(env, dataDir, production),
    metrics: metrics(env),
    oidc: oidc(env),
    mail: mail(env),
    limits: limits(env),
    logLevel: env.oneOf('LOG_LEVEL', ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const, 'info'),
  };
  refuseUnisolated(env, config);
  env.finish();
  return config;
}

const skills = (env: EnvReader): Config['skills'] => ({
  folder: env.optional('SKILLS_FOLDER'),
  npmRegistry: env.optionalUrl('SKILLS_NPM_REGISTRY', ['http:', 'https:']),
});

const metrics = (env: EnvReader): Config['metrics'] => ({
  port: env.optionalInteger('METRICS_PORT', 0, 65535),
  bind: env.text('METRICS_BIND', '127.0.0.1'),
});

function embeddings(env: EnvReader): Config['embeddings'] {
  return {
    url: env.optionalUrl('EMBEDDINGS_URL', ['http:', 'https:']),
    model: env.text('EMBEDDINGS_MODEL', 'text-embedding-3-small'),
    apiKey: env.optional('EMBEDDINGS_API_KEY'),
  };
}

function edge(env: EnvReader, relayPort: number): Config['edge'] {
  return {
    bind: env.text('EDGE_BIND', '127.0.0.1'),
    relayPort,
    agentPort: env.integer('EDGE_AGENT_PORT', 4101, 0, 65535),
    url: env.url('EDGE_URL', `http://127.0.0.1:${relayPort}`),
    callsPerAgent: env.integer('EDGE_CALLS_PER_AGENT', 200, 1, 100_000),
    image: env.optional('EDGE_IMAGE'),
    container: env.text('EDGE_CONTAINER', 'rookery-edge'),
  };
}

function security(env: EnvReader, dataDir: string, production: boolean): Config['security'] {
  return {
    jwtSecret: env.secret('JWT_SECRET', join(dataDir, 'secrets', 'jwt-secret'), production),
    masterKey: env.secret('MASTER_KEY', join(dataDir, 'secrets', 'master-key'), production),
    previousMasterKeys: env.list('MASTER_KEY_PREVIOUS'),
    registration: env.oneOf('REGISTRATION', ['open', 'invite', 'closed'] as const, production ? 'invite' : 'open'),
    adminEmails: env.list('ADMIN_EMAILS').map((email) => email.toLowerCase()),
    egressAllowCidrs: env.networks('EGRESS_ALLOW_CIDRS'),
    allowUnisolated: env.flag('ALLOW_UNISOLATED', false),
    metricsToken: env.optional('METRICS_TOKEN'),
  };
}

function openclaw(env: EnvReader): Config['openclaw'] {
  const dir = env.optional('OPENCLAW_DIR');
  return {
    dir: dir === undefined ? undefined : resolve(dir),
    image: env.text('OPENCLAW_IMAGE', 'ghcr.io/openclaw/openclaw:2026.9.6'),
    memoryMb: env.integer('OPENCLAW_MEMORY_MB', 2048, 1024, 1_048_576),
    cpus: env.decimal('OPENCLAW_CPUS', 2, 0.05, 1024),
  };
}

function oidc(env: EnvReader): Config['oidc'] {
  const issuer = env.optionalUrl('OIDC_ISSUER', ['https:', 'http:']);
  const clientId = env.optional('OIDC_CLIENT_ID');
  const clientSecret = env.optional('OIDC_CLIENT_SECRET');
  const scopes = env.text('OIDC_SCOPES', 'openid email profile');
  if ((issuer === undefined) !== (clientId === undefined)) {
    env.report('OIDC_ISSUER', 'and OIDC_CLIENT_ID are set both or neither');
  }
  const isPlain = issuer?.startsWith('http:') && !LOOPBACK.test(new URL(issuer).hostname);
  if (isPlain) env.report('OIDC_ISSUER', 'must be https, since secrets go there');
  return issuer === undefined || clientId === undefined ? undefined : { issuer, clientId, clientSecret, scopes };
}

function mail(env: EnvReader): Config['mail'] {
  const smtpUrl = env.optionalUrl('SMTP_URL', ['smtp:', 'smtps:']);
  const from = env.text('MAIL_FROM', '');
  if (smtpUrl !== undefined && !/@/.test(from)) env.report('MAIL_FROM', 'is the sender that SMTP_URL needs');
  return { smtpUrl, from };
}

function limits(env: EnvReader): Config['limits'] {
  return {
    ratePerMinute: env.integer('RATE_LIMIT_PER_MINUTE', 120, 1, 2_000_000_000),
    authPerMinute: env.integer('RATE_LIMIT_AUTH_PER_MINUTE', 60, 1, 2_000_000_000),
    logRetentionDays: env.integer('LOG_RETENTION_DAYS', 7, 1, 3650),
    eventRetentionDays: env.integer('EVENT_RETENTION_DAYS', 90, 1, 3650),
    chatRetentionDays: env.integer('CHAT_RETENTION_DAYS', 365, 1, 36_500),
    heartbeatRetentionDays: env.integer('HEARTBEAT_RETENTION_DAYS', 30, 1, 36_500),
    heartbeatConcurrency: env.integer('HEARTBEAT_CONCURRENCY', 32, 1, 1_000),
    taskRetentionDays: env.integer('TASK_RETENTION_DAYS', 365, 1, 36_500),
    knowledgeFileRetentionDays: env.integer('KNOWLEDGE_FILE_RETENTION_DAYS', 30, 1, 36_500),
    inviteRetentionDays: env.integer('INVITE_RETENTION_DAYS', 30, 1, 3650),
    usageRetentionDays: env.integer('USAGE_RETENTION_DAYS', 1_095, 32, 36_500),
    auditRetentionDays: env.integer('AUDIT_RETENTION_DAYS', 365, 1, 36_500),
  };
}

function audit(env: EnvReader, dataDir: string): Config['audit'] {
  return {
    dir: resolve(env.text('AUDIT_DIR', join(dataDir, 'audit'))),
    key: env.optionalSecret('AUDIT_KEY'),
    keyFile: join(dataDir, 'secrets', 'audit-key'),
  };
}

function workspace(env: EnvReader): Config['workspace'] {
  return {
    syncEverySeconds: env.integer('WORKSPACE_SYNC_SECONDS', 300, 10, 86_400),
    maxFileMb: env.integer('WORKSPACE_MAX_FILE_MB', 64, 1, 4096),
    maxMb: env.integer('WORKSPACE_MAX_MB', 512, 1, 65_536),
  };
}

function storage(env: EnvReader, dataDir: string): Config['storage'] {
  const dir = resolve(env.text('STORAGE_DIR', join(dataDir, 'storage')));
  const bucket = env.optional('S3_BUCKET');
  const endpoint = env.optionalUrl('S3_ENDPOINT', ['http:', 'https:']);
  const s3 = {
    endpoint,
    bucket: bucket ?? '',
    region: env.text('S3_REGION', 'us-east-1'),
    accessKeyId: env.optional('S3_ACCESS_KEY_ID'),
    secretAccessKey: env.optional('S3_SECRET_ACCESS_KEY'),
    forcePathStyle: env.flag('S3_FORCE_PATH_STYLE', endpoint !== undefined),
  };
  if ((s3.accessKeyId === undefined) !== (s3.secretAccessKey === undefined)) {
    env.report('S3_ACCESS_KEY_ID', 'and S3_SECRET_ACCESS_KEY are set both or neither');
  }
  if (bucket === undefined && (endpoint ?? s3.accessKeyId) !== undefined) env.report('S3_BUCKET', 'is missing');
  return { dir, s3: bucket === undefined ? undefined : s3 };
}

function providers(env: EnvReader): Config['providers'] {
  return {
    openai: provider(env, 'OPENAI', SERVICE_URLS.openai),
    anthropic: provider(env, 'ANTHROPIC', SERVICE_URLS.anthropic),
    google: provider(env, 'GOOGLE', SERVICE_URLS.google),
    silenceTimeoutMs: env.integer('PROVIDER_SILENCE_TIMEOUT_SECONDS', 120, 1, 3_600) * 1000,
  };
}

const knowledge = (env: EnvReader): Config['knowledge'] => ({
  vectorStore: env.oneOf('VECTOR_STORE', ['auto', 'pgvector', 'memory'] as const, 'auto'),
  vectorCacheMb: env.integer('VECTOR_CACHE_MB', 512, 16, 1_048_576),
});

function services(env: EnvReader): Config['services'] {
  const baseUrls = Object.fromEntries(
    SERVICE_NAMES.map((name) => [name, env.url(`${name.toUpperCase()}_BASE_URL`, SERVICE_URLS[name])]),
  ) as Record<(typeof SERVICE_NAMES)[number], string>;
  return { baseUrls, timeoutMs: env.integer('SERVICE_CHECK_TIMEOUT_SECONDS', 10, 1, 120) * 1000 };
}

function provider(env: EnvReader, name: string, fallback: string): { baseUrl: string; apiKey: string | undefined } {
  return { baseUrl: env.url(`${name}_BASE_URL`, fallback), apiKey: env.optional(`${name}_API_KEY`) };
}

const defaultCapacity = (): number =>
  Math.max(4, Math.min(500, Math.floor(totalmem() / (128 * 1024 * 1024)), availableParallelism() * 100));

const LOOPBACK = /^(127\.|\[?::1\]?$|localhost$)/;

function refuseUnisolated(env: EnvReader, config: Config): void {
  const loopback = LOOPBACK.test(config.http.host) || isAbsolute(config.http.host);
  if (config.runtime === 'process' && !loopback && !config.security.allowUnisolated) {
    env.report(
      'HOST',
      `is ${config.http.host}, but RUNTIME=process runs agents without isolation; use RUNTIME=docker, or set ALLOW_UNISOLATED=1 when every caller is trusted`,
    );
  }
}
