import { DomainError, notFound } from '#libs/kernel';
import type { RegistryTool } from './registry-tool.js';
import { handCommand } from './tool-registry.js';

export const toolNotFound = (): DomainError => notFound('Skill');

/** `why` is a sentence without its full stop. */
export function installByHand(tool: RegistryTool, why: string): DomainError {
  const command = handCommand(tool);
  const how = command === undefined ? '' : ` (${command})`;
  const message = `${why}. Install it by hand${how} where agents run; see ${tool.docs}`;
  return new DomainError('validation', 'manual_tool', message);
}

export const notUninstallable = (tool: RegistryTool): DomainError =>
  new DomainError(
    'validation',
    'manual_tool',
    tool.method === 'go'
      ? `Go has no uninstaller: ${tool.name} stays, unless force is set`
      : `${tool.name} was installed by hand: remove it by hand; see ${tool.docs}`,
  );

export const installPending = (): DomainError =>
  new DomainError(
    'unavailable',
    'tool_pending',
    'No host has ended the work on it yet; it goes on: ask for the installation status',
    { retryAfterSeconds: 30 },
  );

export const notAttached = (): DomainError => notFound('Skill of the agent');

export const alreadyAttached = (): DomainError =>
  new DomainError('conflict', 'skill_installed', 'The agent has a skill of this name already');
