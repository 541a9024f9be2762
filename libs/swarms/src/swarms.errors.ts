import { DomainError, notFound } from '#libs/kernel';

export const swarmNotFound = (): DomainError => notFound('Swarm');

export const swarmsNotOffered = (): DomainError =>
  new DomainError('plan_limit', 'feature_not_available', 'The plan does not include swarms');

export const swarmLimitReached = (limit: number): DomainError =>
  new DomainError('plan_limit', 'plan_limit_reached', `There are at most ${limit} swarms; delete one first`, { limit });
