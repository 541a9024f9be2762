import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DomainError } from '#libs/kernel';
import { type AgentProgram, isReadableByAll } from './agent-program.js';

/** The version Rookery is proven with; see docs/runtimes.md. */
export const OPENCLAW_VERSION = '2026.9.6';

const INSTALLER = 'scripts/openclaw.mjs';
/** Left by an installation without scripts; the first start by somebody who may write there takes it away. */
const PENDING = '.openclaw-lifecycle-pending';

/** How OpenClaw runs as a process of this machine. */
export interface OpenclawProgram {
  /** Stands in front of OpenClaw and starts it. */
  readonly bridge: AgentProgram;
  /** Folder whose node_modules hold OpenClaw. */
  readonly dir: string | undefined;
}

/**
 * Folder of the installed package.
 * @throws DomainError code `config` saying what to run when it is not installed, or not usable for agents' own users.
 */
export function openclawPackage(dir: string | undefined, foreignUsers: boolean): string {
  const folder = join(dir ?? '', 'node_modules', 'openclaw');
  if (dir === undefined || !existsSync(join(folder, 'package.json'))) throw notInstalled(dir);
  if (foreignUsers && !isReadableByAll(join(folder, 'package.json'))) {
    throw refused(`Agents' own users can't read ${dir}: install OpenClaw in a folder that every user may pass through`);
  }
  if (foreignUsers && existsSync(join(folder, PENDING))) {
    throw refused(
      `OpenClaw in ${dir} has to be completed, which agents' own users may not: run node ${INSTALLER} ${dir}`,
    );
  }
  return folder;
}

const notInstalled = (dir: string | undefined): DomainError =>
  refused(
    `OpenClaw is not installed${dir === undefined ? '' : ` in ${dir}`}: run node ${INSTALLER} ${dir ?? '<folder>'} ` +
      `(version ${OPENCLAW_VERSION}) and start Rookery with OPENCLAW_DIR=${dir ?? '<folder>'}`,
  );

const refused = (message: string): DomainError => new DomainError('validation', 'config', message);
