import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import type { Config } from '#libs/config';

const ROOT = resolve(__dirname, '../../../..');
const FOLDER = join(ROOT, 'node_modules/.cache/rookery-tests');

/** Bundles the child's program; it must lie where it finds node_modules. */
export async function bundleChild(): Promise<string> {
  mkdirSync(FOLDER, { recursive: true });
  const outfile = join(FOLDER, `queue-child-${process.pid}.mjs`);
  await build({
    entryPoints: [join(__dirname, 'child-spec.ts')],
    tsconfig: join(ROOT, 'tsconfig.json'),
    alias: {},
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    logLevel: 'error',
    plugins: [
      {
        name: 'libs',
        setup(bundler) {
          bundler.onResolve({ filter: /^#libs\// }, ({ path }) => ({
            path: join(ROOT, 'libs', path.slice('#libs/'.length), 'src/index.ts'),
          }));
        },
      },
    ],
  });
  return outfile;
}

/** Starts a worker process and waits until it takes jobs. */
export async function startChild(program: string, config: Config): Promise<ChildProcess> {
  const child = fork(program, [], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: [],
    env: {
      PATH: process.env.PATH,
      NODE_ENV: 'test',
      LOG_LEVEL: 'silent',
      DATA_DIR: config.dataDir,
      DATABASE_URL: config.databaseUrl,
      JWT_SECRET: config.security.jwtSecret,
      MASTER_KEY: config.security.masterKey,
      ...(config.redisUrl === undefined ? {} : { REDIS_URL: config.redisUrl }),
    },
  });
  const [message] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as [unknown];
  if (message !== 'ready') throw new Error(`The worker process ended: ${String(message)}`);
  return child;
}

export async function killChild(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}
