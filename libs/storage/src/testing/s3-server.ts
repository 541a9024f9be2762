import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { S3Settings } from '#libs/config';

/** The one pair of keys the server knows. */
const KEY = 'S3RVER';

/** A real S3-compatible server (`@20minutes/s3rver`) that checks signatures, with an empty bucket, on a loopback port. */
export interface TestS3 {
  readonly settings: S3Settings;
  stop(): Promise<void>;
}

export async function startS3(): Promise<TestS3> {
  const folder = mkdtempSync(join(tmpdir(), 'rookery-s3-'));
  const bucket = 'rookery';
  const server = fork(join(__dirname, 's3rver.mjs'), [folder, bucket], {
    execArgv: ['--openssl-legacy-provider', '--no-warnings'],
  });
  const port = await portOf(server);
  return {
    settings: {
      endpoint: `http://127.0.0.1:${port}`,
      bucket,
      region: 'us-east-1',
      accessKeyId: KEY,
      secretAccessKey: KEY,
      forcePathStyle: true,
    },
    stop: async () => {
      if (server.exitCode === null && server.signalCode === null) {
        server.kill('SIGKILL');
        await once(server, 'exit');
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function portOf(server: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('message', (message) => resolve((message as { port: number }).port));
    server.once('exit', (code) => reject(new Error(`The S3 server ended with ${code}`)));
  });
}
