import { DomainError, invalid } from '#libs/kernel';

export const wrongKnowledgeField = (
  path: readonly (string | number)[],
  message: string,
  type = 'value_error',
): DomainError => invalid(message, [{ path, message, type }]);

export const entryNotFound = (): DomainError => new DomainError('not_found', 'not_found', 'Knowledge entry not found');

export const baseFull = (limit: number): DomainError =>
  new DomainError('plan_limit', 'plan_limit_reached', `A knowledge base holds at most ${limit} chunks; delete some`, {
    limit,
  });

export const wrongCursor = (): DomainError =>
  wrongKnowledgeField(['query', 'offset'], 'offset is not a cursor of this list; start without one');

export const fileNotFound = (): DomainError => new DomainError('not_found', 'not_found', 'Knowledge file not found');

export const tooManyFiles = (limit: number): DomainError =>
  new DomainError('plan_limit', 'plan_limit_reached', `A knowledge base has at most ${limit} files; delete some`, {
    limit,
  });

export const tooManyWaiting = (limit: number): DomainError =>
  new DomainError('rate_limited', 'rate_limited', `${limit} files wait to be loaded; hand in more when some are done`, {
    limit,
    retryAfterSeconds: 30,
  });
