export type RuntimeName = 'process' | 'docker' | 'fake';
export type AgentRuntimeName = 'house' | 'openclaw';
export type WorkerRole = 'host' | 'control' | 'edge';
/** Services that an organisation may have a key for. */
export const SERVICE_NAMES = [
  'anthropic',
  'openai',
  'cohere',
  'huggingface',
  'google',
  'groq',
  'mistral',
  'ollama',
] as const;
export type ServiceName = (typeof SERVICE_NAMES)[number];

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
    /** How long an API that was told to end lets agents finish what they are answering. */
    readonly shutdownGraceMs: number;
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
    /** Further images that agents may be updated to; one that ends in `:*` stands for every tag. */
    readonly images: readonly string[];
    /** How long a new image has to stay ready before an agent is left to it. */
    readonly updateSettleMs: number;
    readonly memoryMb: number;
    readonly cpus: number;
    readonly capacity: number;
  };
  /** OpenClaw, the other runtime of agents. */
  readonly openclaw: {
    /** Folder whose node_modules hold OpenClaw, for the process runtime; undefined: none is installed. */
    readonly dir: string | undefined;
    readonly image: string;
    readonly images: readonly string[];
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
  /** How packages that skills require are installed, in the docker runtime. */
  readonly tools: {
    readonly image: string;
    /** What an installer is pointed at; undefined: its packages are left to people. */
    readonly registries: Readonly<Record<'npm' | 'pip' | 'go' | 'apt', string | undefined>>;
    /** Further hosts from which the registries deliver. */
    readonly downloadHosts: readonly string[];
    readonly timeoutMs: number;
    readonly memoryMb: number;
    /** Of the tools of one skill. */
    readonly maxMb: number;
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
    readonly baseUrls: Readonly<Record<ServiceName, string>>;
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
    /** Between two rehearsals of a restore; 0: none. */
    readonly restoreDrillHours: number;
  };
  readonly logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';
}
