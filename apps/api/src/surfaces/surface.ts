import type { Type } from '@nestjs/common';
import type { DomainError } from '#libs/kernel';

/** An error in a surface's own words, ready to send as JSON. */
export interface EncodedError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** One published HTTP contract: its prefix, its error body and the module that lists its controllers. */
export interface Surface {
  readonly name: string;
  /** Path prefix without a trailing slash, for example `/v1`; it chooses the encoder of unknown routes and malformed requests. */
  readonly prefix: string;
  /** For the generated OpenAPI document. */
  readonly title: string;
  readonly description: string;
  readonly module: Type;
  /** Modules with routes that it shares with another surface. */
  readonly shared?: readonly Type[];
  /** OpenAPI schema of the error body. */
  readonly errorSchema?: Readonly<Record<string, unknown>>;
  encodeError(error: DomainError, requestId: string): EncodedError;
}

/** Headers every surface sends with an error. */
export const errorHeaders = (error: DomainError): Record<string, string> =>
  error.details.retryAfterSeconds === undefined ? {} : { 'retry-after': String(error.details.retryAfterSeconds) };
