import type { IncomingHttpHeaders } from 'node:http';
import { GatewayError } from './gateway-error.js';

export interface ChatMessage {
  readonly role: 'user' | 'assistant';
  readonly text: string;
}

/** Whose transcript a turn belongs to. Two peers never share one, not even under one session key. */
export interface TranscriptKey {
  readonly session: string;
  /** Empty for a caller without a peer. */
  readonly peer: string;
}

/** A parsed `POST /v1/chat/completions`. */
export interface ChatRequest {
  /** Absent: the request stands for itself, and nothing is kept. */
  readonly key: TranscriptKey | undefined;
  /** Whose memory the turn uses; empty without a peer. */
  readonly peer: string;
  /** How many messages of the session come before this one, as the caller counts. */
  readonly turn: number | undefined;
  /** `earlier` replaces the transcript. */
  readonly refill: boolean;
  /** System messages, in effect for this turn only and not counted. */
  readonly instructions: readonly string[];
  readonly earlier: readonly ChatMessage[];
  readonly message: string;
  readonly stream: boolean;
}

const MAX_KEY_LENGTH = 512;
/** Nine characters stand for one of a script with three bytes. */
const MAX_ENCODED_PEER_LENGTH = MAX_KEY_LENGTH * 9;

/** @throws GatewayError 400 naming what is wrong. */
export function parseChatRequest(headers: IncomingHttpHeaders, body: unknown): ChatRequest {
  if (!isRecord(body)) throw malformed('The body must be a JSON object.');
  const messages = body['messages'];
  if (!Array.isArray(messages) || messages.length === 0) throw malformed("'messages' must be a non-empty array.");
  const parsed = messages.map(parseMessage);
  const spoken = parsed.flatMap((message) => (message.role === 'system' ? [] : [{ ...message, role: message.role }]));
  const last = spoken.pop();
  if (last?.role !== 'user') throw malformed("The last message must be the user's.");
  if (last.text.trim() === '') throw malformed('The last message is empty.');
  const peer = readPeer(headers);
  return {
    key: readKey(headers, peer),
    peer,
    turn: readTurn(headers),
    refill: headers['x-rookery-refill'] === '1',
    instructions: parsed.filter((message) => message.role === 'system').map((message) => message.text),
    earlier: spoken,
    message: last.text,
    stream: body['stream'] === true,
  };
}

function readKey(headers: IncomingHttpHeaders, peer: string): TranscriptKey | undefined {
  const session = headers['x-openclaw-session-key'];
  if (session === undefined || session === '') return undefined;
  if (Array.isArray(session) || session.length > MAX_KEY_LENGTH)
    throw malformed('x-openclaw-session-key is malformed.');
  return { session, peer };
}

function readPeer(headers: IncomingHttpHeaders): string {
  const peer = headers['x-rookery-peer'] ?? '';
  if (Array.isArray(peer) || peer.length > MAX_ENCODED_PEER_LENGTH) throw malformed('x-rookery-peer is malformed.');
  try {
    return decodeURIComponent(peer);
  } catch {
    throw malformed('x-rookery-peer is not percent-encoded.');
  }
}

function readTurn(headers: IncomingHttpHeaders): number | undefined {
  const text = headers['x-rookery-turn'];
  if (text === undefined) return undefined;
  if (typeof text !== 'string' || !/^\d{1,9}$/.test(text)) throw malformed('x-rookery-turn must be a whole number.');
  return Number(text);
}

interface WireMessage {
  readonly role: ChatMessage['role'] | 'system';
  readonly text: string;
}

function parseMessage(value: unknown): WireMessage {
  if (!isRecord(value)) throw malformed('Every message must be an object.');
  const role = value['role'];
  const text = textOf(value['content']);
  if (role === 'user' || role === 'assistant' || role === 'system') return { role, text };
  if (role === 'developer') return { role: 'system', text };
  throw malformed("A message's role must be system, developer, user or assistant.");
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) throw malformed("A message's content must be a string or an array of text parts.");
  return content
    .map((part: unknown) => {
      if (isRecord(part) && typeof part['text'] === 'string') return part['text'];
      throw malformed('Only text parts are understood.');
    })
    .join('');
}

const malformed = (message: string): GatewayError => new GatewayError(400, 'bad_request', message);

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
