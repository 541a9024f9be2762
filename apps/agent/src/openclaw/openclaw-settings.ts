import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AgentSettings, readSettings, SettingsError } from '../settings.js';

/** Versions whose peers were tried against each other by the conformance suite; with any other, peers are refused. */
export const PROVEN_VERSIONS: readonly string[] = ['2026.9.6'];

/** Everything the bridge reads from its environment. */
export interface OpenclawSettings extends AgentSettings {
  /** Folder of the package `openclaw`. */
  readonly packageDir: string;
  readonly version: string;
  /** Chats with a peer are taken. */
  readonly servesPeers: boolean;
  /** Nobody gets tools. */
  readonly sharedMode: boolean;
  /** How long OpenClaw may take until it listens, and the warm-up chat to be answered. */
  readonly readyTimeoutMs: number;
  readonly warmUpTimeoutMs: number;
}

/** @throws SettingsError naming what is missing; a package that is none too. */
export function readOpenclawSettings(environment: Readonly<Record<string, string | undefined>>): OpenclawSettings {
  const settings = readSettings(environment);
  const packageDir = environment['ROOKERY_OPENCLAW_PACKAGE']?.trim() ?? '';
  if (packageDir === '') throw new SettingsError(['ROOKERY_OPENCLAW_PACKAGE is missing']);
  const version = versionIn(packageDir);
  return {
    ...settings,
    packageDir,
    version,
    servesPeers: PROVEN_VERSIONS.includes(version),
    sharedMode: environment['ROOKERY_SHARED_MODE'] === '1',
    readyTimeoutMs: 180_000,
    warmUpTimeoutMs: 45_000,
  };
}

function versionIn(folder: string): string {
  try {
    const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version?: unknown };
    if (typeof version === 'string') return version;
  } catch {
    // the complaint below names the folder
  }
  throw new SettingsError([`there is no OpenClaw in ${folder}`]);
}
