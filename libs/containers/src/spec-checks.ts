import { DomainError } from '#libs/kernel';
import { isToolsDigest } from './agent-tools.js';
import type { ContainerSpec } from './container-runtime.js';

const AGENT_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** An id that is safe as a folder name and as part of a container's name. */
export const isAgentId = (text: string): boolean => AGENT_ID.test(text);

/** @throws DomainError code `config` for an id that could leave its folder. */
export function checkAgentId(agentId: string): void {
  if (!isAgentId(agentId)) throw refused('The agent id has a form no host accepts');
}

/** @throws DomainError code `config` naming what no adapter could carry out safely. */
export function checkSpec(spec: ContainerSpec): void {
  checkAgentId(spec.agentId);
  for (const { path } of spec.files) {
    if (!isWorkspacePath(path)) throw refused(`The workspace file path "${path}" is not a plain relative path`);
  }
  if (!(spec.tools ?? []).every(isToolsDigest)) throw refused('The tools are not named by their digests');
  for (const [name, value] of Object.entries(spec.env)) {
    if (!VARIABLE.test(name)) throw refused(`The environment variable name "${name}" is not valid`);
    if (value.includes('\0')) throw refused(`The environment variable ${name} holds a NUL character`);
  }
}

/** Relative, forward slashes, no empty, `.` or `..` part, no control characters. */
export function isWorkspacePath(path: string): boolean {
  if (path.length === 0 || path.length > 1024 || path.includes('\\') || /\p{Cc}/u.test(path)) return false;
  return path.split('/').every((part) => part !== '' && part !== '.' && part !== '..' && part.length <= 255);
}

const refused = (message: string): DomainError => new DomainError('validation', 'config', message);
