import { type DomainError, conflict, notFound } from '#libs/kernel';

export const teamNotFound = (): DomainError => notFound('Swarm');
export const teamRunNotFound = (): DomainError => notFound('Run');

export const wrongTeamStatus = (wanted: string, status: string): DomainError =>
  conflict('wrong_state', `Cannot ${wanted} a swarm that is ${status}`);
