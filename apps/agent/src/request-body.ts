import type { IncomingMessage } from 'node:http';
import { GatewayError } from './gateway-error.js';

/** @throws GatewayError 413 past the limit, 400 when the body is not JSON. */
export async function readJson(req: IncomingMessage, maxBytes: number): Promise<unknown> {
  const body = await readBody(req, maxBytes);
  try {
    return JSON.parse(body.toString('utf8')) as unknown;
  } catch {
    throw new GatewayError(400, 'bad_request', 'The body is not valid JSON.');
  }
}

function readBody(req: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let size = 0;
    req.on('data', (part: Buffer) => {
      size += part.length;
      if (size <= maxBytes) {
        parts.push(part);
        return;
      }
      // The rest is read and dropped, so that the refusal reaches a client that is still sending.
      req.removeAllListeners('data').resume();
      reject(new GatewayError(413, 'payload_too_large', `The body is larger than ${maxBytes} bytes.`));
    });
    req.on('end', () => resolve(Buffer.concat(parts)));
    req.on('error', reject);
    req.on('close', () => reject(new GatewayError(400, 'bad_request', 'The body ended early.')));
  });
}
