import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { DomainError, type ErrorKind } from '#libs/kernel';

const STATUS: Partial<Record<ErrorKind, number>> = {
  validation: 400,
  unauthenticated: 407,
  forbidden: 403,
  rate_limited: 429,
  upstream_failed: 502,
  unavailable: 503,
};
const HEADERS: Readonly<Record<number, Readonly<Record<string, string>>>> = {
  407: { 'proxy-authenticate': 'Basic realm="rookery"' },
  429: { 'retry-after': '5' },
  503: { 'retry-after': '1' },
};

/** How the proxy refuses. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly headers: Readonly<Record<string, string>>;
}

export function refusalOf(error: unknown): Refusal {
  const known = error instanceof DomainError ? error : undefined;
  const status = known?.code === 'egress_timeout' ? 504 : (STATUS[known?.kind ?? 'internal'] ?? 500);
  const { code = 'internal', message = 'The egress proxy failed' } = known ?? {};
  return { status, code, message, headers: HEADERS[status] ?? {} };
}

/** Answers CONNECT on the bare connection and closes it. */
export function refuseConnect(socket: Duplex, { status, code, message, headers }: Refusal): void {
  if (socket.destroyed) return;
  const body = JSON.stringify({ error: { code, message } });
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  // destroyed once written, also when the other side goes on talking
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
