import type { IncomingMessage } from 'node:http';
import { DomainError, invalid } from '#libs/kernel';

const MOST_BODY_BYTES = 256 * 1024;
const LONGEST_PEER_ID = 256;
const UNPRINTABLE = /[\p{Control}\p{Surrogate}]/u;

/** What an agent sends to call a tool. */
export interface ToolRequest {
  readonly input: object;
  readonly peerId: string | undefined;
}

/** Reads the body of a call, at most 256 KiB. @throws DomainError `payload_too_large`, `validation`. */
export async function readToolRequest(req: IncomingMessage): Promise<ToolRequest> {
  const body = parsed(await bytesOf(req));
  if (!isObject(body)) throw invalid('The body must be a JSON object');
  const { input = {}, context = {} } = body;
  if (!isObject(input)) throw invalid('input must be an object');
  if (!isObject(context)) throw invalid('context must be an object');
  return { input, peerId: peerOf(context.peerId) };
}

async function bytesOf(req: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of req) {
    size += (part as Buffer).length;
    if (size > MOST_BODY_BYTES) {
      throw new DomainError('payload_too_large', 'payload_too_large', `A call may have ${MOST_BODY_BYTES} bytes`);
    }
    parts.push(part as Buffer);
  }
  return Buffer.concat(parts);
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw invalid('The body is not JSON in UTF-8');
  }
}

function peerOf(peerId: unknown): string | undefined {
  if (peerId === undefined || peerId === null) return undefined;
  const isFine =
    typeof peerId === 'string' && peerId.trim() !== '' && peerId.length <= LONGEST_PEER_ID && !UNPRINTABLE.test(peerId);
  if (!isFine) throw invalid(`context.peerId must have 1 to ${LONGEST_PEER_ID} printable characters`);
  return peerId;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
