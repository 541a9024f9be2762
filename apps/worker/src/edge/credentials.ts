import type { IncomingMessage } from 'node:http';

const BEARER = /^Bearer ([^\s]+)$/i;

/** The token of an `Authorization: Bearer` header. */
export const bearerOf = (req: IncomingMessage): string | undefined => BEARER.exec(req.headers.authorization ?? '')?.[1];

/** A header that is sent at most once. */
export function headerOf(req: IncomingMessage, name: string): string | undefined {
  const value = req.headers[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}
