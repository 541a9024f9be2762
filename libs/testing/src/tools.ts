import { describe, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const PING = `require('node:http').get({ socketPath: process.argv[1], path: '/_ping', timeout: 3000 },
  (answer) => process.exit(answer.statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))`;
const found = new Map<string, boolean>();

/** True when the tool is there: `docker` means an engine that answers, `root` our own user, all else a program on PATH. */
export function requireTool(name: string): boolean {
  const known = found.get(name);
  if (known !== undefined) return known;
  const present = name === 'docker' ? dockerAnswers() : name === 'root' ? process.getuid?.() === 0 : onPath(name);
  found.set(name, present);
  return present;
}

/** Path of Docker's socket: `DOCKER_HOST` when it names one, else the usual place. */
export const dockerSocket = (): string =>
  /^unix:\/\/(.+)$/.exec(process.env.DOCKER_HOST ?? '')?.[1] ?? '/var/run/docker.sock';

/**
 * Defines the suite when `condition` holds; else it is reported as skipped, by name,
 * or as failed where `REQUIRE_ALL=1` asks that every suite run.
 */
export function describeIf(condition: boolean, name: string, define: () => void): void {
  if (condition) describe(name, define);
  else if (process.env.REQUIRE_ALL === '1') {
    describe(name, () => {
      it('can run here', () => {
        throw new Error('REQUIRE_ALL=1, but what this suite needs is not there');
      });
    });
  } else describe.skip(name, define);
}

function dockerAnswers(): boolean {
  const socket = dockerSocket();
  return existsSync(socket) && spawnSync(process.execPath, ['-e', PING, socket], { timeout: 5_000 }).status === 0;
}

function onPath(program: string): boolean {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/local/sbin'];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
