import type { LogLevel } from '../log.js';

export interface ConsoleLine {
  readonly level: LogLevel;
  readonly text: string;
}

/** Parts of OpenClaw that speak of the start of the gateway and of its configuration. */
const STARTING = /^(gateway|gateway\/channels|gateway\/heartbeat|config|plugins|skills|state\/[a-z-]+)$/;
const LEVELS: Readonly<Record<string, LogLevel>> = { info: 'info', warn: 'warn', error: 'error', fatal: 'error' };

/**
 * What of OpenClaw's output may pass into the agent's logs. It prints replies, and errors that quote messages; so its own
 * words pass only while nobody can have said anything, and only from the parts that start it. Later a line says which of
 * them failed, nothing else; what became of a turn the bridge says itself.
 * @param line one line of its console in JSON style
 * @param spoken a conversation may have begun
 */
export function visibleLine(line: string, spoken: boolean): ConsoleLine | undefined {
  const record = parsed(line);
  const level = LEVELS[String(record?.['level'])];
  const subsystem = record?.['subsystem'];
  if (record === undefined || level === undefined) return undefined;
  if (typeof subsystem !== 'string' || !STARTING.test(subsystem)) return undefined;
  const message = record['message'];
  if (!spoken && typeof message === 'string') return { level, text: `openclaw ${subsystem}: ${message}` };
  return level === 'error' ? { level, text: `openclaw ${subsystem} reported an error (text withheld)` } : undefined;
}

function parsed(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
