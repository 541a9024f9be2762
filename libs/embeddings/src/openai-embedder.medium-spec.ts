import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from '@jest/globals';
import { OpenAiEmbedder, openAiEmbedderId } from './openai-embedder.js';

interface Asked {
  readonly headers: IncomingMessage['headers'];
  readonly path: string | undefined;
  readonly body: { model: string; input: string[]; encoding_format: string };
}

const quiet = new AbortController().signal;
let stop: () => Promise<void> = () => Promise.resolve();
afterEach(() => stop());

/** An endpoint that answers as told. */
async function endpoint(
  answer: (asked: Asked, res: ServerResponse) => void,
  apiKey?: string,
): Promise<{ embedder: OpenAiEmbedder; asked: Asked[] }> {
  const asked: Asked[] = [];
  const server = createServer((req, res) => {
    void json(req).then((body) => {
      asked.push({ headers: req.headers, path: req.url, body: body as Asked['body'] });
      answer(asked.at(-1)!, res);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  stop = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
    stop = () => Promise.resolve();
  };
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/`;
  return { embedder: new OpenAiEmbedder({ url, model: 'm', apiKey }), asked };
}

const says = (status: number, body: unknown) => (_asked: Asked, res: ServerResponse) =>
  void res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

const base64 = (vector: number[]): string => Buffer.from(Float32Array.from(vector).buffer).toString('base64');

const rows = (...vectors: unknown[]): object => ({ data: vectors.map((embedding, index) => ({ index, embedding })) });

describe('the embedder of an endpoint', () => {
  it('asks as the protocol says and gives vectors of length 1 in the order of the texts', async () => {
    const turned = {
      data: [
        { index: 1, embedding: [0, 2] },
        { index: 0, embedding: [3, 4] },
      ],
    };
    const { embedder, asked } = await endpoint(says(200, turned), 'sk-test');
    const vectors = await embedder.embed(['one', 'two'], quiet);
    expect(vectors.map((vector) => [...vector].map((value) => Math.round(value * 10) / 10))).toEqual([
      [0.6, 0.8],
      [0, 1],
    ]);
    expect(asked).toMatchObject([
      {
        path: '/v1/embeddings',
        headers: { authorization: 'Bearer sk-test' },
        body: { model: 'm', input: ['one', 'two'], encoding_format: 'base64' },
      },
    ]);
  });

  it('takes vectors as base64 of their floats too', async () => {
    const { embedder } = await endpoint(says(200, rows(base64([3, 4]), base64([0, -2]))));
    const vectors = await embedder.embed(['one', 'two'], quiet);
    expect(vectors).toEqual([Float32Array.of(0.6, 0.8), Float32Array.of(0, -1)]);
  });

  it('asks for many in batches, and for none not at all', async () => {
    const { embedder, asked } = await endpoint(({ body }, res) =>
      says(200, rows(...body.input.map(() => [1, 0])))({} as Asked, res),
    );
    const texts = Array.from({ length: 200 }, (_v, n) => `t${n}`);
    expect(await embedder.embed(texts, quiet)).toHaveLength(200);
    expect(asked.map(({ body }) => body.input.length)).toEqual([100, 100]);
    expect(asked.flatMap(({ body }) => body.input)).toEqual(texts);
    expect(asked[0]?.headers.authorization).toBeUndefined();
    expect(await embedder.embed([], quiet)).toEqual([]);
    expect(asked).toHaveLength(2);
  });

  it.each<[number, string, string]>([
    [429, 'unavailable', 'embedder_unavailable'],
    [500, 'unavailable', 'embedder_unavailable'],
    [503, 'unavailable', 'embedder_unavailable'],
    [400, 'upstream_failed', 'embedder_refused'],
    [401, 'upstream_failed', 'embedder_refused'],
    [404, 'upstream_failed', 'embedder_refused'],
  ])('fails on %i as %s, without a word of the answer', async (status, kind, code) => {
    const { embedder } = await endpoint(says(status, { error: { message: 'sk-SECRET is wrong' } }));
    const failure = await embedder.embed(['one'], quiet).catch((error: unknown) => error);
    expect(failure).toMatchObject({ kind, code });
    expect(String(failure)).not.toContain('SECRET');
  });

  it.each<[string, unknown]>([
    ['no list', { data: 'x' }],
    ['nothing', {}],
    ['too few', rows([1, 0])],
    ['too many', rows([1, 0], [1, 0], [1, 0])],
    ['other dimensions for one text', rows([1, 0], [1, 0, 0])],
    ['no dimensions', rows([], [])],
    ['more dimensions than any model has', rows(Array(4_097).fill(1), Array(4_097).fill(1))],
    ['words', rows(['a'], ['b'])],
    ['text that is no base64', rows('what?', 'what?')],
    ['base64 of something else', rows('aGVsbG8=', 'aGVsbG8=')],
    ['base64 of nothing', rows('', '')],
    ['base64 of what is no number', rows(base64([NaN, 1]), base64([1, 1]))],
    ['null', rows(null, null)],
    ['numbers that are none', rows([1, null], [1, 0])],
  ])('refuses %s instead of vectors', async (_case, body) => {
    const { embedder } = await endpoint(says(200, body));
    await expect(embedder.embed(['one', 'two'], quiet)).rejects.toMatchObject({
      kind: 'upstream_failed',
      code: 'embedder_garbage',
    });
  });

  it('refuses what is no JSON, what is endless, and to be sent elsewhere', async () => {
    const broken = await endpoint((_asked, res) => void res.end('<html>'));
    await expect(broken.embedder.embed(['one'], quiet)).rejects.toMatchObject({ code: 'embedder_garbage' });
    await stop();
    const endless = await endpoint((_asked, res) => {
      res.writeHead(200, { 'content-length': String(65 * 1024 * 1024) });
      res.write('{');
    });
    await expect(endless.embedder.embed(['one'], quiet)).rejects.toMatchObject({ code: 'embedder_garbage' });
    await stop();
    const elsewhere = await endpoint(
      (_asked, res) => void res.writeHead(302, { location: 'http://127.0.0.1:9/' }).end(),
    );
    await expect(elsewhere.embedder.embed(['one'], quiet)).rejects.toMatchObject({ code: 'embedder_unavailable' });
    expect(elsewhere.asked).toHaveLength(1);
  });

  it('ends with who asked, and says when nobody is there', async () => {
    const silent = await endpoint(() => undefined);
    const gone = new AbortController();
    const asking = silent.embedder.embed(['one'], gone.signal);
    setTimeout(() => gone.abort(new Error('the client left')), 50);
    await expect(asking).rejects.toThrow('the client left');
    await stop();
    await expect(silent.embedder.embed(['one'], quiet)).rejects.toMatchObject({
      kind: 'unavailable',
      details: { retryAfterSeconds: 5 },
    });
  });

  it('is named by host and model, never by its key', () => {
    const options = { url: 'https://api.example.com/v1', model: 'text-3', apiKey: 'sk-SECRET' };
    expect(openAiEmbedderId(options)).toBe('openai/api.example.com/text-3');
    expect(openAiEmbedderId({ ...options, model: 'm'.repeat(500) })).toHaveLength(200);
  });
});
