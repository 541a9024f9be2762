import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { loadConfig } from './load-config.js';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const SECRET = 's'.repeat(32);
const COMPLETE = { DATABASE_URL: 'postgres://127.0.0.1/rookery', JWT_SECRET: SECRET, MASTER_KEY: SECRET };
const load = (environment: NodeJS.ProcessEnv = {}) => loadConfig({ ...COMPLETE, ...environment });

/** Names that a program asks its environment for. */
function namesRead(): string[] {
  const asked = new Set<string>();
  loadConfig(
    new Proxy<NodeJS.ProcessEnv>(COMPLETE, {
      get(environment, name: string) {
        if (!name.endsWith('_FILE')) asked.add(name);
        return environment[name];
      },
    }),
  );
  return [...asked].sort();
}

/** `# NAME=default  # what it is` of .env.example. */
const documented = new Map(
  [...readFileSync(join(ROOT, '.env.example'), 'utf8').matchAll(/^#([A-Z0-9_]+)=(.*?)(?:[ \t]+#.*)?$/gm)].map(
    ([, name = '', value = '']) => [name, value] as const,
  ),
);

describe('the environment', () => {
  it('is enough with a database, and secrets for production', () => {
    expect(load({ NODE_ENV: 'production', RUNTIME: 'docker' })).toMatchObject({
      role: 'host',
      redisUrl: undefined,
      storage: { s3: undefined },
      security: { registration: 'invite' },
    });
  });

  it('names everything that is wrong with it at once, and no secret', () => {
    const wrong = {
      DATABASE_URL: 'mysql://127.0.0.1/rookery',
      REDIS_URL: 'http://127.0.0.1',
      PORT: '70000',
      AGENT_CPUS: 'all',
      ALLOW_UNISOLATED: 'perhaps',
      EGRESS_ALLOW_CIDRS: '10.0.0.0/8, here',
      JWT_SECRET: 'too-short-to-use',
      RUNTIME: 'podman',
      S3_ENDPOINT: 'http://127.0.0.1:9000',
      SMTP_URL: 'smtp://127.0.0.1',
      MASTER_KEY_FILE: '/nowhere/master-key',
    };
    let message = '';
    try {
      load(wrong);
    } catch (error) {
      message = (error as Error).message;
    }
    const named = [...message.matchAll(/^ {2}- ([A-Z0-9_]+) /gm)].map(([, name]) => name);
    const missing = { S3_ENDPOINT: 'S3_BUCKET', SMTP_URL: 'MAIL_FROM' };
    expect(new Set(named)).toEqual(
      new Set(Object.keys(wrong).map((name) => (name in missing ? missing[name as keyof typeof missing] : name))),
    );
    expect(message).not.toContain('too-short-to-use');
  });

  it.each([
    [{ NODE_ENV: 'production', JWT_SECRET: '' }, /JWT_SECRET is missing/],
    [{ NODE_ENV: 'production', MASTER_KEY: '' }, /MASTER_KEY is missing/],
    [{ HOST: '0.0.0.0' }, /RUNTIME=docker/],
    [{ S3_BUCKET: 'files', S3_ACCESS_KEY_ID: 'id' }, /S3_SECRET_ACCESS_KEY are set both or neither/],
    [{ LOG_RETENTION_DAYS: '0' }, /from 1 to 3650, not "0"/],
    [{ DATABASE_URL: '' }, /DATABASE_URL is missing/],
    [{ AGENT_IMAGES: 'acme/agent:1, acme/agent:$(id)' }, /AGENT_IMAGES must be images .* not "acme\/agent:\$\(id\)"/],
    [{ OPENCLAW_IMAGES: '/opt/../etc' }, /OPENCLAW_IMAGES must be images/],
  ])('is refused with %j', (environment, reason) => {
    expect(() => load(environment)).toThrow(reason);
  });

  it('takes images by tag, by digest, of a registry, of every tag, and folders', () => {
    const images = [
      'acme/agent:2.1',
      'reg.example:5000/a/agent:*',
      `acme/agent@sha256:${'a'.repeat(64)}`,
      '/opt/agent-2',
    ];
    expect(load({ AGENT_IMAGES: images.join(', ') }).agent.images).toEqual(images);
  });

  it('takes an empty variable for one that is not set', () => {
    const empty = Object.fromEntries([...documented.keys()].map((name) => [name, '']));
    expect(load({ ...empty, ...COMPLETE })).toEqual(load());
  });
});

describe('.env.example', () => {
  it('names every variable that is read, and no other', () => {
    const readAsFile = ['PRICES'];
    const given = [...documented.keys()].map((name) => name.replace(/_FILE$/, ''));
    expect(given.sort()).toEqual(namesRead());
    expect(readAsFile.every((name) => documented.has(`${name}_FILE`))).toBe(true);
  });

  it('shows the defaults', () => {
    const own = new Set(['PUBLIC_URL', 'EDGE_URL', 'DATA_DIR', ...Object.keys(COMPLETE)]);
    const shown = [...documented].filter(([name, value]) => value !== '' && !own.has(name));
    expect(shown.length).toBeGreaterThan(30);
    expect(load(Object.fromEntries(shown))).toEqual(load());
  });
});

describe('docker-compose.yml', () => {
  const text = readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8');
  const { services } = parse(text, { merge: true }) as {
    services: Record<string, { environment?: Record<string, string | number> }>;
  };
  const passedOn = new Set([...text.matchAll(/\$\{([A-Z0-9_]+)/g)].map(([, name]) => name));
  /** What the file itself decides: addresses and folders in its containers, and what differs between programs. */
  const decided = new Set([
    ...['DATABASE_URL', 'REDIS_URL', 'JWT_SECRET', 'MASTER_KEY', 'MASTER_KEY_PREVIOUS', 'AUDIT_KEY', 'PRICES_FILE'],
    ...['DATA_DIR', 'STORAGE_DIR', 'AUDIT_DIR', 'PORT', 'HOST', 'ROLE', 'RUNTIME', 'NODE_ENV', 'ALLOW_UNISOLATED'],
    ...['EDGE_BIND', 'EDGE_RELAY_PORT', 'EDGE_AGENT_PORT', 'EDGE_URL', 'EDGE_IMAGE', 'METRICS_BIND'],
    ...['OPENCLAW_DIR', 'ROOKERY_STOP_AGENTS_ON_EXIT'],
  ]);

  it('passes on every variable that it does not decide', () => {
    expect([...documented.keys()].filter((name) => !passedOn.has(name) && !decided.has(name))).toEqual([]);
  });

  it('gives its programs no variable that they do not read', () => {
    const known = new Set([...documented.keys(), 'PRICES'].flatMap((name) => [name, `${name}_FILE`]));
    const programs = ['migrate', 'api', 'edge', 'worker'].map((name) => services[name]?.environment ?? {});
    expect(programs.flatMap((environment) => Object.keys(environment)).filter((name) => !known.has(name))).toEqual([]);
  });
});
