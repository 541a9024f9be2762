import { availableParallelism, hostname, totalmem } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { type Config, SERVICE_NAMES, type ServiceName } from './config.js';
import { EnvReader } from './env-reader.js';

const SERVICE_URLS: Readonly<Record<ServiceName, string>> = {
  anthropic: 'https://api.anthropic.com/v1',
  openai: 'https://api.openai.com/v1',
  cohere: 'https://api.cohere.com/v1',
  huggingface: 'https://huggingface.co/api',
  google: 'https://generativelanguage.googleapis.com/v1beta',
  groq: 'https://api.groq.com/openai/v1',
  mistral: 'https://api.mistral.ai/v1',
  ollama: 'https://ollama.com/api',
};

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
  const relayPort = env.integer('EDGE_RELAY_PORT', 4100, 0, 65535);
  const config: Config = {
    env: nodeEnv,
    role: env.oneOf('ROLE', ['host', 'control', 'edge'] as const, 'host'),
    http: http(env, port),
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
      images: env.images('AGENT_IMAGES'),
      updateSettleMs: env.integer('AGENT_UPDATE_SETTLE_SECONDS', 5, 0, 600) * 1000,
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
    tools: tools(env),
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

function tools(env: EnvReader): Config['tools'] {
  const apt = env.optional('TOOLS_APT_SOURCE');
  if (apt !== undefined && !/^(\[[^\]\r\n]+\] )?https?:\/\/[^\s]+( [A-Za-z0-9./_-]+)+$/.test(apt)) {
    env.report('TOOLS_APT_SOURCE', 'must be like a line of sources.list without "deb": URL, suite and components');
  }
  return {
    image: env.text('TOOLS_IMAGE', 'rookery/tools:local'),
    registries: {
      npm: env.optionalUrl('TOOLS_NPM_REGISTRY', ['http:', 'https:']),
      pip: env.optionalUrl('TOOLS_PIP_INDEX', ['http:', 'https:']),
      go: env.optionalUrl('TOOLS_GO_PROXY', ['http:', 'https:']),
      apt,
    },
    downloadHosts: env.list('TOOLS_DOWNLOAD_HOSTS'),
    timeoutMs: env.integer('TOOLS_TIMEOUT_SECONDS', 600, 10, 7_200) * 1000,
    memoryMb: env.integer('TOOLS_MEMORY_MB', 1024, 128, 1_048_576),
    maxMb: env.integer('TOOLS_MAX_MB', 1024, 1, 65_536),
  };
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

function http(env: EnvReader, port: number): Config['http'] {
  const host = env.text('HOST', '127.0.0.1');
  return {
    port,
    host,
    publicUrl: env.url('PUBLIC_URL', `http://${host.includes(':') ? `[${host}]` : host}:${port}`),
    trustProxy: env.booleanOrText('TRUST_PROXY', false),
    corsOrigins: env.list('CORS_ORIGINS'),
    shutdownGraceMs: env.integer('SHUTDOWN_GRACE_SECONDS', 8, 0, 3_600) * 1000,
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
    images: env.images('OPENCLAW_IMAGES'),
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
    restoreDrillHours: env.integer('RESTORE_DRILL_HOURS', 168, 0, 8_760),
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
  ) as Record<ServiceName, string>;
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
