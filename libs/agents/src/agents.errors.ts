import { DomainError, conflict, invalid, notFound } from '#libs/kernel';

export const agentNotFound = (): DomainError => notFound('Agent');

export const agentNotRunning = (): DomainError =>
  new DomainError('agent_not_running', 'agent_not_running', 'The agent is not running; start it first');

export const wrongAgentState = (message: string): DomainError => conflict('wrong_agent_state', message);

export const imageNotAllowed = (): DomainError =>
  invalid('image must be one of the images that this installation allows for the agent', [
    { path: ['body', 'image'], message: 'is not one of the allowed images', type: 'invalid' },
  ]);

export const otherWorkspace = (): DomainError =>
  new DomainError('forbidden', 'other_workspace', 'This agent belongs to another workspace');

export const notTheOwner = (): DomainError =>
  new DomainError('forbidden', 'not_owner', 'Only the owner of an agent, or an admin, may change it');

export const noCapacity = (region: string): DomainError =>
  new DomainError('no_capacity', 'no_capacity', `No host has room for an agent in region ${region} just now`, {
    retryAfterSeconds: 30,
  });

export const agentLimitReached = (limit: number): DomainError =>
  new DomainError('plan_limit', 'plan_limit_reached', `The plan allows ${limit} agents; delete one first`, { limit });

/** Another worker took the agent: nothing may be written any more. */
export class FenceLostError extends Error {
  constructor(agentId: string, epoch: number) {
    super(`Claim ${epoch} on agent ${agentId} is lost`);
    this.name = 'FenceLostError';
  }
}
