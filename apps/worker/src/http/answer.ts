import type { ServerResponse } from 'node:http';

/** Sends a small JSON answer unless one has begun. */
export function answerJson(
  res: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (res.headersSent || res.destroyed) return;
  const text = JSON.stringify(body);
  res.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    ...headers,
  });
  res.end(text);
}

/** The edge's own error body. */
export const answerError = (res: ServerResponse, status: number, code: string, message: string): void =>
  answerJson(res, status, { error: { code, message } });
