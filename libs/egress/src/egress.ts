import type { Socket } from 'node:net';
import { Readable, Transform, pipeline } from 'node:stream';
import { Agent, type buildConnector, request as undiciRequest } from 'undici';
import { AddressRules } from './address-rules.js';
import { Deadline } from './deadline.js';
import { EgressError, toEgressError } from './egress.errors.js';
import { type Resolve, guardedConnector, systemResolve } from './guarded-connector.js';
import { endToEnd, forAnybody, withoutBody } from './headers.js';

const CONNECT_TIMEOUT_MS = 10_000;
const LONGEST_URL = 8_192;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** What an exchange may cost at most. */
export interface EgressLimits {
  /** Of the answer's body. Default 16 MiB. */
  readonly maxResponseBytes: number;
  /** From the call to the last byte of the answer, redirects included; 0: no limit. Default 60 s. */
  readonly timeoutMs: number;
  /** From the request to the answer's headers; 0: no limit. Default 30 s. */
  readonly headersTimeoutMs: number;
  /** Longest silence within the answer's body; 0: no limit. Default 30 s. */
  readonly idleTimeoutMs: number;
  /** Redirects that are followed; 0: the first one is refused. Default 5. */
  readonly maxRedirects: number;
}

export const DEFAULT_LIMITS: EgressLimits = {
  maxResponseBytes: 16 * 1024 * 1024,
  timeoutMs: 60_000,
  headersTimeoutMs: 30_000,
  idleTimeoutMs: 30_000,
  maxRedirects: 5,
};

export interface EgressRequest {
  /** Default GET. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A stream is sent as it comes, with back-pressure; it can't be repeated, so 307 and 308 are refused after it. */
  readonly body?: string | Uint8Array | Readable;
  /** Ends the exchange at any time, also while the answer's body is read. */
  readonly signal: AbortSignal;
  readonly limits?: Partial<EgressLimits>;
}

export interface EgressResponse {
  /** Where the answer came from, after redirects. */
  readonly url: URL;
  readonly status: number;
  /** End-to-end headers, names in lower case. */
  readonly headers: Readonly<Record<string, string | string[]>>;
  /** As sent, not decompressed; fails with an {@link EgressError}. Read it to its end or destroy it. */
  readonly body: Readable;
}

/**
 * The one way to a URL that a tenant supplied: http and https, without credentials in the URL, to public addresses and
 * networks in `EGRESS_ALLOW_CIDRS` only, whatever names resolve to and whereto they redirect.
 */
export class Egress {
  private readonly agent: Agent;
  private readonly connector: buildConnector.connector;

  /** @throws Error when a network is malformed. */
  constructor(options: { readonly allowCidrs: readonly string[]; readonly resolve?: Resolve }) {
    const rules = new AddressRules(options.allowCidrs);
    this.connector = guardedConnector(rules, options.resolve ?? systemResolve, CONNECT_TIMEOUT_MS);
    this.agent = new Agent({ connect: this.connector, allowH2: false, keepAliveTimeout: 30_000 });
  }

  /**
   * Resolves when the answer's headers have come, whatever its status.
   * @throws EgressError; the signal's reason when it was aborted
   */
  async fetch(url: string | URL, request: EgressRequest): Promise<EgressResponse> {
    const limits = { ...DEFAULT_LIMITS, ...request.limits };
    let hop: Hop = firstHop(egressUrl(url), request);
    const deadline = new Deadline(request.signal, limits.timeoutMs);
    try {
      for (let redirects = 0; ; redirects += 1) {
        const answer = await this.send(hop, limits, deadline.signal);
        const location = REDIRECTS.has(answer.statusCode) ? answer.headers.location : undefined;
        if (typeof location !== 'string') {
          const body = limited(answer.body, hop.url.host, limits.maxResponseBytes, deadline);
          return { url: hop.url, status: answer.statusCode, headers: endToEnd(answer.headers), body };
        }
        answer.body.on('error', () => undefined).destroy();
        if (redirects >= limits.maxRedirects) throw tooManyRedirects(hop.url, limits.maxRedirects);
        hop = nextHop(hop, answer.statusCode, location);
      }
    } catch (error) {
      const cause: unknown = deadline.signal.aborted ? deadline.signal.reason : error;
      deadline.end();
      if (request.signal.aborted) throw cause;
      throw toEgressError(cause, hop.url.host);
    }
  }

  /**
   * A bare TCP connection, checked as those of `fetch` are; the caller closes it.
   * @param host a name, or an address without brackets
   * @throws EgressError; the signal's reason when it was aborted
   */
  connect(host: string, port: number, signal: AbortSignal): Promise<Socket> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const leave = (): void => reject(signal.reason as Error);
      signal.addEventListener('abort', leave, { once: true });
      this.connector({ hostname: host, protocol: 'http:', port: String(port) }, (error, socket) => {
        signal.removeEventListener('abort', leave);
        if (!socket) return reject(toEgressError(error, host));
        if (signal.aborted) socket.destroy();
        return resolve(socket);
      });
    });
  }

  /** Cuts the connections of `fetch`. */
  async onApplicationShutdown(): Promise<void> {
    await this.agent.destroy();
  }

  private send(hop: Hop, limits: EgressLimits, signal: AbortSignal): ReturnType<typeof undiciRequest> {
    signal.throwIfAborted();
    return undiciRequest(hop.url, {
      dispatcher: this.agent,
      method: hop.method,
      headers: hop.headers,
      body: hop.body ?? null,
      signal,
      headersTimeout: limits.headersTimeoutMs,
      bodyTimeout: limits.idleTimeoutMs,
    });
  }
}

/** A URL that may be tried. @throws EgressError `egress_url_invalid`, which does not repeat the URL. */
export function egressUrl(url: string | URL): URL {
  const parsed = String(url).length > LONGEST_URL ? null : URL.parse(String(url));
  if (!parsed || !/^https?:$/.test(parsed.protocol)) {
    throw new EgressError('egress_url_invalid', 'The address must be an http or https URL');
  }
  if (parsed.username !== '' || parsed.password !== '') {
    throw new EgressError('egress_url_invalid', 'The address must not hold a user name or password');
  }
  parsed.hash = '';
  return parsed;
}

/** The whole body of an answer. @throws EgressError when it breaks off or exceeds the limit of its request. */
export async function bytesOf(response: EgressResponse): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of response.body) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

interface Hop {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: EgressRequest['body'];
}

function firstHop(url: URL, { method = 'GET', headers = {}, body }: EgressRequest): Hop {
  const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  const own = endToEnd(lower) as Record<string, string>;
  return { url, method, headers: { 'accept-encoding': 'identity', 'user-agent': 'Rookery', ...own }, body };
}

/** As browsers do it, except that only harmless headers go to another origin. */
function nextHop(hop: Hop, status: number, location: string): Hop {
  const target = URL.parse(location, hop.url.href);
  if (!target) throw new EgressError('egress_redirect_refused', `${hop.url.host} redirects to a malformed address`);
  const url = egressUrl(target);
  const headers = url.origin === hop.url.origin ? hop.headers : forAnybody(hop.headers);
  const becomesGet = status === 303 ? hop.method !== 'HEAD' : status <= 302 && hop.method === 'POST';
  if (becomesGet) return { url, method: 'GET', headers: withoutBody(headers), body: undefined };
  if (hop.body instanceof Readable) {
    throw new EgressError('egress_redirect_refused', `${hop.url.host} redirects a request that can't be repeated`);
  }
  return { url, method: hop.method, headers, body: hop.body };
}

const tooManyRedirects = (url: URL, most: number): EgressError =>
  new EgressError(
    'egress_redirect_refused',
    most === 0 ? `${url.host} redirects, which is not followed` : `${url.host} redirects more than ${most} times`,
  );

/** The body up to its limit; ends the deadline when it closes. */
function limited(body: Readable, host: string, maxBytes: number, deadline: Deadline): Readable {
  let size = 0;
  const counter = new Transform({
    transform(bytes: Buffer, _encoding, done) {
      size += bytes.length;
      if (size <= maxBytes) done(null, bytes);
      else done(new EgressError('egress_too_large', `${host} answered with more than ${maxBytes} bytes`));
    },
    destroy(error, done) {
      done(error && (deadline.leaving ? error : toEgressError(deadline.reasonOf(error), host)));
    },
  });
  pipeline(body, counter, () => deadline.end());
  return counter;
}
