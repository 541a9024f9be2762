import { Inject, Injectable } from '@nestjs/common';
import { type EncodedError, type Surface, errorHeaders } from '../surfaces/surface.js';
import { HTTP_STATUS } from './http-status.js';
import type { RoutePolicy } from './policy.js';
import { SURFACES_TOKEN } from './tokens.js';
import type { DomainError } from '#libs/kernel';

/** What answers outside every surface: operations routes and paths nobody knows. */
export const PLAIN_SURFACE: Omit<Surface, 'module' | 'errorSchema'> = {
  name: 'plain',
  prefix: '',
  title: 'Operations',
  description: 'Health, metrics and documents',
  encodeError: (error: DomainError, requestId: string): EncodedError => ({
    status: HTTP_STATUS[error.kind],
    headers: errorHeaders(error),
    body: { error: { code: error.code, message: error.message, requestId } },
  }),
};

export type ErrorSurface = Omit<Surface, 'module' | 'errorSchema'>;

/** Finds the surface that answers for a request. */
@Injectable()
export class SurfaceRegistry {
  private readonly byPrefix: readonly ErrorSurface[];

  constructor(@Inject(SURFACES_TOKEN) surfaces: readonly Surface[]) {
    this.byPrefix = [...surfaces].sort((a, b) => b.prefix.length - a.prefix.length);
  }

  /** By the row's own surface, else by the longest prefix of the path, else plain JSON. */
  find(path: string, policy?: RoutePolicy): ErrorSurface {
    const named = policy?.surface;
    const isPart = (prefix: string): boolean => path === prefix || path.startsWith(`${prefix}/`);
    return this.byPrefix.find(({ name, prefix }) => (named ? name === named : isPart(prefix))) ?? PLAIN_SURFACE;
  }
}
