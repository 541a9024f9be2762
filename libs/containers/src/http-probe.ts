import { get } from 'node:http';

const PROBE_TIMEOUT_MS = 2_000;
const MOST_BYTES = 16 * 1024;

export interface ProbeAnswer {
  readonly status: number;
  readonly body: string;
}

/** One GET without keep-alive; null when nothing answers in time. */
export function httpProbe(
  url: string,
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<ProbeAnswer | null> {
  return new Promise((resolve) => {
    const request = get(url, { headers, agent: false, signal, timeout: PROBE_TIMEOUT_MS }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (body.length < MOST_BYTES ? (body += chunk) : request.destroy()));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', () => resolve(null));
      response.on('close', () => resolve(null));
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(null));
  });
}
