import { DomainError } from '#libs/kernel';

interface EngineError {
  readonly statusCode?: number;
  readonly code?: string;
  readonly reason?: string;
  readonly json?: { readonly message?: string };
  readonly message: string;
}

export const statusOf = (error: unknown): number | undefined => (error as Partial<EngineError>).statusCode;

/** What the engine said, without the client's wording around it. */
export const engineMessage = (error: unknown): string => {
  const { json, message } = error as EngineError;
  return json?.message ?? message;
};

/** Resolves undefined instead when the engine knows no such thing. */
export async function unlessMissing<T>(request: Promise<T>): Promise<T | undefined> {
  return unless([404], request);
}

/** Resolves undefined instead for the listed statuses. */
export async function unless<T>(statuses: readonly number[], request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (statuses.includes(statusOf(error) ?? 0)) return undefined;
    throw error;
  }
}

const UNREACHABLE = new Set(['ENOENT', 'ECONNREFUSED', 'EACCES', 'ECONNRESET', 'EPIPE', 'ENOTFOUND', 'ETIMEDOUT']);

/** An engine's refusal in domain terms; anything else as it is. */
export function toDomainError(error: unknown): unknown {
  if (error instanceof DomainError) return error;
  const { code } = error as Partial<EngineError>;
  if (code !== undefined && UNREACHABLE.has(code)) {
    return new DomainError(
      'unavailable',
      'docker_unreachable',
      `The Docker engine does not answer (${code})`,
      {},
      error,
    );
  }
  const status = statusOf(error);
  if (status === undefined) return error;
  const message = `The Docker engine refused: ${engineMessage(error)}`;
  return status === 400
    ? new DomainError('validation', 'config', message, {}, error)
    : new DomainError('unavailable', 'docker_refused', message, {}, error);
}
