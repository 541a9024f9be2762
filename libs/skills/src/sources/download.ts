import { type Egress, EgressError, type EgressResponse, bytesOf } from '#libs/egress';
import { DomainError } from '#libs/kernel';
import { badSkill, skillNotFound } from '../skills.errors.js';

const TIMEOUT_MS = 30_000;

/** How much may come, and how what comes is called when it is more. */
export interface Download {
  readonly maxBytes: number;
  readonly what: string;
}

/**
 * The whole answer to a GET, through the guarded fetch. What is too large is refused as soon as its headers say so, or when it comes to it.
 * @throws DomainError `validation` for what is too large or no URL, `not_found`, `forbidden` for a private address, `upstream_failed`
 */
export async function download(
  egress: Egress,
  url: string,
  { maxBytes, what }: Download,
  signal: AbortSignal,
): Promise<Buffer> {
  const tooLarge = (): DomainError => badSkill(`is ${what} of more than ${maxBytes} bytes`);
  const answer = await egress.fetch(url, { signal, limits: { maxResponseBytes: maxBytes, timeoutMs: TIMEOUT_MS } });
  try {
    refuseStatus(answer);
    if (Number(answer.headers['content-length'] ?? 0) > maxBytes) throw tooLarge();
    return await bytesOf(answer);
  } catch (error) {
    answer.body.on('error', () => undefined).destroy();
    throw error instanceof EgressError && error.code === 'egress_too_large' ? tooLarge() : error;
  }
}

function refuseStatus({ status, url }: EgressResponse): void {
  if (status === 200) return;
  if (status === 404 || status === 410) throw skillNotFound();
  throw new DomainError('upstream_failed', 'skill_source_failed', `${url.host} answered with the status ${status}`);
}
