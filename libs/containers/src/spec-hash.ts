import { createHash } from 'node:crypto';
import type { ContainerSpec } from './container-runtime.js';

/** Digest of everything an instance is made from but its epoch. Independent of the order of keys and files. */
export function specHash(spec: ContainerSpec): string {
  const { agentId, orgId, runtime, image, memoryMb, cpus, pidsLimit, stopTimeoutMs } = spec;
  const env = Object.entries(spec.env).sort(byFirst);
  const files = spec.files.map(({ path, content }) => [path, content] as const).sort(byFirst);
  const canonical: unknown[] = [agentId, orgId, runtime, image, memoryMb, cpus, pidsLimit, stopTimeoutMs, env, files];
  if (spec.tools !== undefined && spec.tools.length > 0) canonical.push([...spec.tools].sort());
  if (typeof spec.imageId === 'string') canonical.push(spec.imageId);
  return createHash('sha256').update(JSON.stringify(canonical)).digest('hex');
}

const byFirst = ([a]: readonly [string, string], [b]: readonly [string, string]): number =>
  a < b ? -1 : a > b ? 1 : 0;
