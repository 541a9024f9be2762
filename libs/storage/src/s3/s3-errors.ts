import { DomainError } from '#libs/kernel';
import { objectMissing, storageFailed } from '../storage-errors.js';

interface SdkError {
  readonly name?: string;
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

const MISSING = new Set(['NoSuchKey', 'NotFound']);
const REFUSED = new Set(['NoSuchBucket', 'CredentialsProviderError', 'PermanentRedirect']);

/** What the SDK threw in our words: its code and status, never its text, which may repeat the request. */
export function toStorageError(error: unknown, key: string): unknown {
  if (error instanceof DomainError) return error;
  const { name = 'unknown', code, $metadata } = error as SdkError;
  if (name === 'AbortError') return error;
  if (MISSING.has(name)) return objectMissing(key);
  const status = $metadata?.httpStatusCode;
  if (status === 401 || status === 403 || REFUSED.has(name)) {
    const message = `The storage refuses what S3_BUCKET and the S3 keys say (${name})`;
    return new DomainError('unavailable', 'storage_refused', message, {}, error);
  }
  if (status === undefined) {
    const message = `The storage does not answer (${code ?? name})`;
    return new DomainError('unavailable', 'storage_unreachable', message, {}, error);
  }
  return storageFailed(`it answered ${name} (${status})`, error);
}
