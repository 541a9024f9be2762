import {
  type Agent as HttpAgent,
  type ClientRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
  request as httpRequest,
} from 'node:http';
import { request as httpsRequest } from 'node:https';

const CONNECT_TIMEOUT_MS = 10_000;
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

export interface Forward {
  readonly url: URL;
  /** Everything that is sent on, without hop-by-hop headers and host. */
  readonly headers: OutgoingHttpHeaders;
  readonly agent: HttpAgent;
  /** Own address to connect from; the system chooses when it is left out. */
  readonly localAddress?: string;
  /** Most bytes of request body; more ends the exchange with `onTooLarge`. */
  readonly maxBodyBytes: number;
  /** Sent instead of the request's own body, which has been read. */
  readonly body?: Buffer;
  /** Nothing answered; the answer has not begun. */
  readonly onUnreachable: (error: NodeJS.ErrnoException) => void;
  readonly onTooLarge: () => void;
  /** Headers of the answer that are not passed back; cookies when left out. */
  readonly droppedFromAnswer?: ReadonlySet<string>;
  /** The upstream's answer began. Returning true means that the hook answers itself. */
  readonly onAnswer?: (answer: IncomingMessage) => boolean;
  /** The answer is being passed on; listeners added now see each piece after it was written. */
  readonly onPassed?: (answer: IncomingMessage) => void;
}

/**
 * Streams a request on and its answer back, both with back-pressure. Whichever side leaves, the other is told at once;
 * an answer that breaks off upstream breaks off here. Nothing is kept, followed or timed out once connected.
 * @returns the request upstream; undefined when the client had left.
 */
export function forward(req: IncomingMessage, res: ServerResponse, to: Forward): ClientRequest | undefined {
  if (res.destroyed) return undefined;
  const send = to.url.protocol === 'https:' ? httpsRequest : httpRequest;
  const { headers, agent, localAddress } = to;
  const from = localAddress === undefined ? {} : { localAddress };
  const upstream = send(to.url, { method: req.method ?? 'GET', headers, agent, ...from });
  limitConnect(upstream);
  res.once('close', () => {
    if (!res.writableFinished) upstream.destroy();
  });
  upstream.on('error', (error) => {
    if (res.destroyed || res.writableEnded) return;
    if (res.headersSent) res.destroy();
    else to.onUnreachable(error);
  });
  upstream.once('response', (answer) => {
    if (res.headersSent || res.destroyed) answer.destroy();
    else if (!to.onAnswer?.(answer)) {
      passBack(answer, res, to.droppedFromAnswer ?? COOKIES);
      to.onPassed?.(answer);
    }
  });
  if (to.body) return upstream.end(to.body);
  limitBody(req, upstream, res, to);
  return req.pipe(upstream);
}

/** End-to-end headers of a message, names in lower case, without those in `dropped`. */
export function endToEndHeaders(message: IncomingMessage, dropped: ReadonlySet<string>): OutgoingHttpHeaders {
  const named = new Set((message.headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase()));
  const headers: OutgoingHttpHeaders = {};
  for (const [name, value] of Object.entries(message.headers)) {
    if (!HOP_BY_HOP.has(name) && !named.has(name) && !dropped.has(name)) headers[name] = value;
  }
  return headers;
}

function passBack(answer: IncomingMessage, res: ServerResponse, dropped: ReadonlySet<string>): void {
  res.writeHead(answer.statusCode ?? 502, endToEndHeaders(answer, dropped));
  res.flushHeaders();
  answer.once('close', () => {
    if (!answer.complete && !res.writableEnded) res.destroy();
  });
  answer.on('error', () => !res.writableEnded && res.destroy());
  answer.pipe(res);
}

const COOKIES: ReadonlySet<string> = new Set(['set-cookie']);

function limitConnect(upstream: ClientRequest): void {
  const timer = setTimeout(() => {
    const error = Object.assign(new Error('connecting took too long'), { code: 'ETIMEDOUT' });
    if (upstream.socket?.connecting !== false) upstream.destroy(error);
  }, CONNECT_TIMEOUT_MS);
  upstream.once('close', () => clearTimeout(timer));
}

function limitBody(req: IncomingMessage, upstream: ClientRequest, res: ServerResponse, to: Forward): void {
  let size = 0;
  req.on('data', (bytes: Buffer) => {
    size += bytes.length;
    if (size <= to.maxBodyBytes || res.headersSent) return;
    req.unpipe(upstream);
    res.setHeader('connection', 'close');
    to.onTooLarge();
    upstream.destroy();
  });
}
