import { type Config, loadConfig } from '#libs/config';

/** Any part of a configuration. */
export type Overrides<T> = {
  readonly [K in keyof T]?: T[K] extends readonly unknown[] ? T[K] : Overrides<T[K]> | T[K];
};

const ENVIRONMENT = {
  NODE_ENV: 'test',
  HOST_ID: 'test-host',
  LOG_LEVEL: 'silent',
  SHUTDOWN_GRACE_SECONDS: '0',
  JWT_SECRET: 'jwt-secret-for-tests-0123456789abcdef',
  MASTER_KEY: 'master-key-for-tests-0123456789abcde',
};

/** A configuration for tests that reads nothing from the machine's environment. */
export function testConfig(at: { databaseUrl: string; dataDir: string }, overrides: Overrides<Config> = {}): Config {
  const parsed = loadConfig({ ...ENVIRONMENT, DATABASE_URL: at.databaseUrl, DATA_DIR: at.dataDir });
  return merged(parsed, overrides) as Config;
}

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function merged(base: unknown, overrides: unknown): unknown {
  if (!isPlain(base) || !isPlain(overrides)) return overrides;
  const entries = Object.entries(overrides).map(([key, value]) => [key, merged(base[key], value)] as const);
  return { ...base, ...Object.fromEntries(entries) };
}
