import { DomainError } from '#libs/kernel';

/** There is no object under the key. */
export const objectMissing = (key: string): DomainError =>
  new DomainError('not_found', 'object_missing', `The storage holds nothing under ${key}`);

/** The store could not do it; `why` never holds a credential. */
export const storageFailed = (why: string, cause?: unknown): DomainError =>
  new DomainError('unavailable', 'storage_failed', `The storage failed: ${why}`, {}, cause);
