import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Egress, type EgressRequest, bytesOf } from './egress.js';
import type { Resolve } from './guarded-connector.js';

type Handler = (req: IncomingMessage, res: ServerResponse) => void | Promise<void>;

/** A real server on one loopback address. */
class Site {
  handler: Handler = (_req, res) => void res.end('ok');
  readonly seen: IncomingMessage[] = [];
  private server: Server | undefined;

  constructor(private readonly address: string) {}

  get port(): number {
    return (this.server?.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://${this.address.includes(':') ? `[${this.address}]` : this.address}:${this.port}`;
  }

  async start(): Promise<void> {
    this.server = createServer((req, res) => {
      this.seen.push(req);
      void this.handler(req, res);
    });
    this.server.listen(0, this.address);
    await once(this.server, 'listening');
  }

  stop(): void {
    this.server?.closeAllConnections();
    this.server?.close();
  }
}

const open = new Site('127.0.0.1');
const other = new Site('127.0.0.1');
/** Listens where the operator has not opened anything. */
const shut = new Site('127.0.0.2');
const OPENED = ['127.0.0.1/32'];
const names: Record<string, readonly string[]> = {};
const lookups: string[] = [];
const resolve: Resolve = (hostname) => {
  lookups.push(hostname);
  const addresses = names[hostname];
  if (!addresses) return Promise.reject(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }));
  return Promise.resolve(addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })));
};
const stay = new AbortController().signal;
let egress: Egress;

beforeAll(async () => {
  await Promise.all([open.start(), other.start(), shut.start()]);
  egress = new Egress({ allowCidrs: OPENED, resolve });
});
afterAll(async () => {
  await egress.onApplicationShutdown();
  for (const site of [open, other, shut]) site.stop();
});
afterEach(() => {
  for (const site of [open, other, shut]) {
    site.handler = (_req, res) => void res.end('ok');
    site.seen.length = 0;
  }
  lookups.length = 0;
});

const get = (url: string, request: Partial<EgressRequest> = {}, by = egress) =>
  by.fetch(url, { signal: stay, ...request });
const textOf = async (url: string, request: Partial<EgressRequest> = {}): Promise<string> =>
  (await bytesOf(await get(url, request))).toString('utf8');

describe('where the guarded fetch goes', () => {
  it('reaches what the operator opened, by address and by name, and nothing else on the machine', async () => {
    names['intranet.test'] = ['127.0.0.1'];
    expect(await textOf(open.url)).toBe('ok');
    expect(await textOf(`http://intranet.test:${open.port}/`)).toBe('ok');
    await expect(get(shut.url)).rejects.toMatchObject({ code: 'egress_address_refused', kind: 'forbidden' });
    expect(shut.seen).toHaveLength(0);
  });

  it('reaches nothing private by default, however the address is written', async () => {
    const guarded = new Egress({ allowCidrs: [] });
    const { port } = open;
    const ways = ['127.0.0.1', 'localhost', '2130706433', '0x7f.1', '0177.0.0.1', '0.0.0.0', '[::1]'];
    for (const host of [...ways, '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[64:ff9b::7f00:1]', '169.254.169.254']) {
      const refusal = { code: 'egress_address_refused' };
      await expect(get(`http://${host}:${port}/`, {}, guarded)).rejects.toMatchObject(refusal);
    }
    expect(open.seen).toHaveLength(0);
    await guarded.onApplicationShutdown();
  });

  it('refuses a name when one of its addresses is refused', async () => {
    names['mixed.test'] = ['127.0.0.1', '127.0.0.2'];
    await expect(get(`http://mixed.test:${open.port}/`)).rejects.toMatchObject({ code: 'egress_address_refused' });
    names['nowhere.test'] = [];
    await expect(get('http://nowhere.test/')).rejects.toMatchObject({ code: 'egress_address_refused' });
    expect(open.seen).toHaveLength(0);
  });

  it('resolves once and connects to what was checked, so a name server that changes its mind gains nothing', async () => {
    const flips: Resolve = (hostname) => {
      lookups.push(hostname);
      const address = lookups.length % 2 === 1 ? '127.0.0.1' : '127.0.0.2';
      return Promise.resolve([{ address, family: 4 }]);
    };
    const rebinding = new Egress({ allowCidrs: OPENED, resolve: flips });
    other.handler = (_req, res) => void res.writeHead(200, { connection: 'close' }).end('first');
    const url = `http://rebind.test:${other.port}/`;
    expect((await bytesOf(await get(url, {}, rebinding))).toString()).toBe('first');
    expect(lookups).toHaveLength(1);
    await expect(get(url, {}, rebinding)).rejects.toMatchObject({ code: 'egress_address_refused' });
    expect(lookups).toHaveLength(2);
    await rebinding.onApplicationShutdown();
  });

  it.each(['file:///etc/passwd', 'ftp://example.com/', 'gopher://x', '//x', 'x', '', 'http://user:pw@example.com/'])(
    'refuses %j before anything is resolved, without repeating it',
    async (url) => {
      const error = await get(url).catch((failure: unknown) => failure);
      expect(error).toMatchObject({ code: 'egress_url_invalid', kind: 'validation' });
      expect((error as Error).message).not.toContain('pw');
      expect(lookups).toHaveLength(0);
    },
  );

  it('says what it could not reach', async () => {
    await expect(get('http://unknown.test/')).rejects.toMatchObject({
      code: 'egress_unreachable',
      message: 'unknown.test cannot be reached (ENOTFOUND)',
    });
  });
});

describe('redirects', () => {
  const redirects =
    (location: string, status = 302): Handler =>
    (_req, res) =>
      void res.writeHead(status, { location }).end();

  it('are followed one by one', async () => {
    open.handler = (req, res) =>
      req.url === '/a' ? void res.writeHead(301, { location: '/b' }).end() : redirects(`${other.url}/c`)(req, res);
    const answer = await get(`${open.url}/a`);
    expect((await bytesOf(answer)).toString()).toBe('ok');
    expect(answer.url.href).toBe(`${other.url}/c`);
  });

  it.each([
    ['a private address', () => `${shut.url}/secret`, 'egress_address_refused'],
    ['a name with a private address', () => `http://inner.test:${shut.port}/`, 'egress_address_refused'],
    ['another scheme', () => 'file:///etc/passwd', 'egress_url_invalid'],
    ['credentials', () => 'http://user:pw@127.0.0.1/', 'egress_url_invalid'],
    ['nonsense', () => 'http://[', 'egress_redirect_refused'],
  ])('to %s are refused', async (_what, location, code) => {
    names['inner.test'] = ['127.0.0.2'];
    open.handler = redirects(location());
    await expect(get(open.url)).rejects.toMatchObject({ code });
    expect(shut.seen).toHaveLength(0);
  });

  it('end after five, or where they are not wanted', async () => {
    open.handler = redirects('/again');
    await expect(get(open.url)).rejects.toMatchObject({ code: 'egress_redirect_refused' });
    expect(open.seen).toHaveLength(6);
    await expect(get(open.url, { limits: { maxRedirects: 0 } })).rejects.toMatchObject({
      code: 'egress_redirect_refused',
    });
    expect(open.seen).toHaveLength(7);
  });

  it('take credentials along within the origin only', async () => {
    const headers = { Authorization: 'Bearer x', 'X-Api-Key': 'y', Accept: 'text/plain' };
    open.handler = (req, res) => (req.url === '/next' ? void res.end() : redirects('/next')(req, res));
    await textOf(open.url, { headers });
    expect(open.seen[1]?.headers).toMatchObject({ authorization: 'Bearer x', 'x-api-key': 'y' });
    open.handler = redirects(other.url);
    await textOf(open.url, { headers });
    expect(other.seen[0]?.headers.accept).toBe('text/plain');
    expect(JSON.stringify(other.seen[0]?.headers)).not.toMatch(/Bearer|"y"/);
  });

  it('repeat the body where the status says so, and become GET where it does not', async () => {
    const bodies: string[] = [];
    other.handler = async (req, res) => {
      let text = '';
      for await (const part of req) text += String(part);
      bodies.push(`${req.method} ${req.headers['content-type'] ?? '-'} ${text}`);
      res.end();
    };
    const post = { method: 'POST', body: '{"a":1}', headers: { 'content-type': 'application/json' } };
    for (const status of [307, 303]) {
      open.handler = redirects(other.url, status);
      await textOf(open.url, post);
    }
    expect(bodies).toEqual(['POST application/json {"a":1}', 'GET - ']);
    open.handler = (req, res) => {
      req.resume();
      void redirects(other.url, 307)(req, res);
    };
    const streamed = get(open.url, { ...post, body: Readable.from(['{', '}']) });
    await expect(streamed).rejects.toMatchObject({ code: 'egress_redirect_refused' });
  });
});

describe('what an exchange may cost', () => {
  it('ends an answer that is too large, also one without a length', async () => {
    open.handler = (_req, res) => void res.end(Buffer.alloc(1_000_001));
    const limits = { maxResponseBytes: 1_000_000 };
    await expect(textOf(open.url, { limits })).rejects.toMatchObject({ code: 'egress_too_large' });
    let sent = 0;
    const endless = function* (): Generator<Buffer> {
      for (;;) {
        sent += 65_536;
        yield Buffer.alloc(65_536);
      }
    };
    open.handler = (_req, res) => void Readable.from(endless(), { objectMode: false }).pipe(res);
    await expect(textOf(open.url, { limits })).rejects.toMatchObject({ code: 'egress_too_large' });
    expect(sent).toBeLessThan(32 * 1024 * 1024);
  });

  it('ends one that drips for ever, one that falls silent and one that never begins', async () => {
    open.handler = async (_req, res) => {
      while (!res.destroyed) {
        res.write('.');
        await sleep(20);
      }
    };
    const timeout = { code: 'egress_timeout', kind: 'upstream_failed' };
    await expect(textOf(open.url, { limits: { timeoutMs: 300 } })).rejects.toMatchObject(timeout);
    open.handler = (_req, res) => void res.write('first');
    await expect(textOf(open.url, { limits: { idleTimeoutMs: 100 } })).rejects.toMatchObject(timeout);
    open.handler = () => undefined;
    await expect(get(open.url, { limits: { headersTimeoutMs: 100 } })).rejects.toMatchObject(timeout);
    await expect(get(open.url, { limits: { timeoutMs: 100 } })).rejects.toMatchObject(timeout);
  });

  it('tells a broken answer from a whole one', async () => {
    open.handler = (_req, res) => {
      res.writeHead(200, { 'content-length': '10' });
      res.write('half');
      setImmediate(() => res.destroy());
    };
    await expect(textOf(open.url)).rejects.toMatchObject({ code: 'egress_unreachable' });
    const garbage = createTcpServer((socket) => void socket.end('SSH-2.0-OpenSSH\r\n')).listen(0, '127.0.0.1');
    await once(garbage, 'listening');
    const { port } = garbage.address() as AddressInfo;
    await expect(textOf(`http://127.0.0.1:${port}`)).rejects.toMatchObject({ code: 'egress_unreachable' });
    garbage.close();
  });
});

describe('streams', () => {
  it('pass with back-pressure in both directions', async () => {
    let produced = 0;
    const body = Readable.from(
      (function* () {
        for (; produced < 512; produced += 1) yield Buffer.alloc(65_536);
      })(),
      { objectMode: false, highWaterMark: 65_536 },
    );
    let read: () => void = () => undefined;
    const mayRead = new Promise<void>((done) => (read = done));
    open.handler = async (req, res) => {
      await mayRead;
      req.pipe(res);
    };
    const call = get(open.url, { method: 'POST', body, limits: { maxResponseBytes: 64 * 1024 * 1024 } });
    await sleep(200);
    expect(produced).toBeLessThan(256);
    read();
    const answer = await call;
    await sleep(200);
    expect(produced).toBeLessThan(512);
    expect(await bytesOf(answer)).toHaveLength(512 * 65_536);
  });

  it('deliver each piece as it comes', async () => {
    open.handler = async (_req, res) => {
      res.write('one');
      await sleep(50);
      res.end('two');
    };
    const pieces: string[] = [];
    for await (const piece of (await get(open.url)).body) pieces.push(String(piece));
    expect(pieces).toEqual(['one', 'two']);
  });

  it.each(['before the answer', 'within the answer'])(
    'end at once on both sides when the caller leaves %s',
    async (when) => {
      const left = new Promise<void>((done) => {
        open.handler = (_req, res) => {
          res.once('close', done);
          if (when === 'within the answer') res.write('first');
        };
      });
      const leaving = new AbortController();
      const reason = new Error('gone');
      const call = get(open.url, { signal: leaving.signal });
      if (when === 'within the answer') {
        const { body } = await call;
        setImmediate(() => leaving.abort(reason));
        await expect(body.toArray()).rejects.toBe(reason);
      } else {
        await sleep(50);
        leaving.abort(reason);
        await expect(call).rejects.toBe(reason);
      }
      await left;
    },
  );

  it('do not begin for a caller that has left', async () => {
    await expect(get(open.url, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
    expect(open.seen).toHaveLength(0);
  });
});

describe('headers', () => {
  it('that belong to one connection stay on it', async () => {
    open.handler = (_req, res) =>
      void res.writeHead(200, { connection: 'x-own, keep-alive', 'x-own': '1', 'x-end': '2' }).end();
    const headers = { Connection: 'x-mine', 'X-Mine': '1', TE: 'trailers', Host: 'evil.test', 'X-Yours': '2' };
    const answer = await get(open.url, { headers });
    answer.body.destroy();
    expect(answer.headers).toMatchObject({ 'x-end': '2' });
    expect(Object.keys(answer.headers)).not.toEqual(expect.arrayContaining(['x-own']));
    expect(answer.headers.connection).toBeUndefined();
    const [seen] = open.seen;
    expect(seen?.headers).toMatchObject({ 'x-yours': '2', host: `127.0.0.1:${open.port}` });
    expect(seen?.headers).not.toHaveProperty('x-mine');
    expect(seen?.headers).not.toHaveProperty('te');
  });

  it('that would break out of their line are refused', async () => {
    const headers = { 'x-a': 'b\r\nx-evil: 1' };
    await expect(get(open.url, { headers })).rejects.toMatchObject({ code: 'egress_url_invalid' });
    expect(open.seen).toHaveLength(0);
  });
});
