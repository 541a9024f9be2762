import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerJson } from '../http/answer.js';
import { endToEndHeaders } from './forward.js';
import type { WireFormat } from './providers.js';

const MAX_ERROR_BYTES = 65_536;
const DROPPED: ReadonlySet<string> = new Set(['set-cookie', 'content-length', 'content-encoding', 'location']);

/**
 * Answers with a provider's error. Some quote the key they refuse, and an agent must not learn it: it is blanked.
 * Redirects are not followed and not passed on, since the agent would follow them with its token.
 */
export function passErrorBack(answer: IncomingMessage, res: ServerResponse, format: WireFormat, key: string): void {
  const status = answer.statusCode ?? 502;
  if (status < 400) {
    answer.destroy();
    const message = `${format.title} answered with a redirect, which is not followed; check its base URL`;
    return answerJson(res, 502, format.errorBody(502, 'provider_redirected', message));
  }
  const parts: Buffer[] = [];
  let size = 0;
  answer.on('data', (bytes: Buffer) => {
    size += bytes.length;
    if (size <= MAX_ERROR_BYTES) parts.push(bytes);
    else answer.destroy();
  });
  answer.on('error', () => undefined);
  answer.once('close', () => {
    if (res.headersSent || res.destroyed) return;
    if (!answer.complete) {
      const message = `${format.title} answered with status ${status} and a body that cannot be passed on`;
      return answerJson(res, status, format.errorBody(status, 'provider_error', message));
    }
    const text = Buffer.concat(parts).toString('utf8').replaceAll(key, '[key]');
    const headers = endToEndHeaders(answer, DROPPED);
    for (const [name, value] of Object.entries(headers)) if (String(value).includes(key)) delete headers[name];
    res.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(text) });
    res.end(text);
  });
}
