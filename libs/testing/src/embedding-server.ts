import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

/** A real HTTP endpoint with OpenAI's `POST /embeddings`: texts are near each other by the words they share. */
export interface EmbeddingServer {
  /** Base URL for EMBEDDINGS_URL. */
  readonly url: string;
  /** Texts it was asked for so far. */
  readonly texts: string[];
  /** While true it answers 503. */
  isDown: boolean;
  /** How long each answer takes. */
  delayMs: number;
  stop(): Promise<void>;
}

const DIMENSIONS = 64;

/** Each word is a direction of its own, nearly at right angles to all others. */
export function wordVector(text: string, dimensions = DIMENSIONS): number[] {
  const vector = new Array<number>(dimensions).fill(0);
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? ['']) {
    const bytes = createHash('sha512').update(word).digest();
    for (let i = 0; i < dimensions; i += 1) vector[i] = vector[i]! + ((bytes[i % 64]! >> ((i >> 6) % 8)) & 1 ? 1 : -1);
  }
  return vector;
}

const base64 = (vector: number[]): string => Buffer.from(Float32Array.from(vector).buffer).toString('base64');

export async function embeddingServer(dimensions = DIMENSIONS): Promise<EmbeddingServer> {
  const texts: string[] = [];
  const state = { isDown: false, delayMs: 0 };
  const server: Server = createServer((req, res) => {
    void json(req).then(async (body) => {
      if (state.delayMs > 0) await sleep(state.delayMs);
      if (state.isDown) return res.writeHead(503).end('{}');
      const { input } = body as { input: string[] };
      texts.push(...input);
      const data = input.map((text, index) => ({ index, embedding: base64(wordVector(text, dimensions)) }));
      return res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ data }));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    texts,
    get isDown() {
      return state.isDown;
    },
    set isDown(value) {
      state.isDown = value;
    },
    get delayMs() {
      return state.delayMs;
    },
    set delayMs(value) {
      state.delayMs = value;
    },
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
