import { DomainError } from '#libs/kernel';
import { type Embedder, normalised } from './embedder.js';

const BATCH = 100;
const TIMEOUT_MS = 60_000;
const MOST_ANSWER_BYTES = 64 * 1024 * 1024;
const MOST_DIMENSIONS = 4_096;

export interface OpenAiEmbedderOptions {
  /** Base URL up to and with the version, for example `https://api.openai.com/v1`. The operator's, so it is trusted. */
  readonly url: string;
  readonly model: string;
  readonly apiKey: string | undefined;
}

interface Answer {
  readonly data?: readonly { readonly index?: number; readonly embedding?: unknown }[];
}

/** The id such an endpoint's vectors go by. */
export const openAiEmbedderId = ({ url, model }: OpenAiEmbedderOptions): string =>
  `openai/${new URL(url).host}/${model}`.slice(0, 200);

/** Any endpoint that speaks `POST /embeddings` as OpenAI's does. */
export class OpenAiEmbedder implements Embedder {
  readonly id: string;

  constructor(private readonly options: OpenAiEmbedderOptions) {
    this.id = openAiEmbedderId(options);
  }

  async embed(texts: readonly string[], signal: AbortSignal): Promise<Float32Array[]> {
    const vectors: Float32Array[] = [];
    for (let at = 0; at < texts.length; at += BATCH) {
      vectors.push(...(await this.batch(texts.slice(at, at + BATCH), signal)));
    }
    if (vectors.some(({ length }) => length !== vectors[0]?.length)) throw garbage();
    return vectors;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private async batch(texts: readonly string[], signal: AbortSignal): Promise<Float32Array[]> {
    const { data } = await this.ask(texts, AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)])).catch(
      (error: unknown) => {
        signal.throwIfAborted();
        throw error instanceof DomainError ? error : unreachable(error);
      },
    );
    if (!Array.isArray(data) || data.length !== texts.length) throw garbage();
    const rows = [...(data as NonNullable<Answer['data']>)].sort((a, b) => (a.index ?? 0) - (b.index ?? 0));
    return rows.map(({ embedding }) => normalised(vectorOf(embedding)));
  }

  private async ask(texts: readonly string[], signal: AbortSignal): Promise<Answer> {
    const { url, model, apiKey } = this.options;
    const response = await fetch(`${url.replace(/\/+$/, '')}/embeddings`, {
      method: 'POST',
      redirect: 'error',
      headers: {
        'content-type': 'application/json',
        ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
      },
      body: JSON.stringify({ model, input: texts, encoding_format: 'base64' }),
      signal,
    });
    if (!response.ok) {
      await response.body?.cancel();
      throw refusedWith(response.status);
    }
    if (Number(response.headers.get('content-length') ?? 0) > MOST_ANSWER_BYTES) throw garbage();
    return (await response.json().catch(() => ({}))) as Answer;
  }
}

/** Floats in base64, as OpenAI's own clients ask for: a tenth of the work. Endpoints that do not know it send numbers. */
function vectorOf(embedding: unknown): Float32Array {
  const vector = typeof embedding === 'string' ? floatsOf(embedding) : Float32Array.from(numbersOf(embedding));
  if (vector.length === 0 || vector.length > MOST_DIMENSIONS || !vector.every(Number.isFinite)) throw garbage();
  return vector;
}

function floatsOf(text: string): Float32Array {
  const bytes = Uint8Array.from(Buffer.from(text, 'base64'));
  if (bytes.length % Float32Array.BYTES_PER_ELEMENT !== 0 || text.length !== Math.ceil(bytes.length / 3) * 4) {
    throw garbage();
  }
  return new Float32Array(bytes.buffer);
}

function numbersOf(embedding: unknown): number[] {
  if (!Array.isArray(embedding) || embedding.length > MOST_DIMENSIONS) throw garbage();
  if (!embedding.every((value) => typeof value === 'number')) throw garbage();
  return embedding as number[];
}

const garbage = (): DomainError =>
  new DomainError('upstream_failed', 'embedder_garbage', 'The embeddings endpoint answered with something else');

const refusedWith = (status: number): DomainError =>
  status === 429 || status >= 500
    ? new DomainError('unavailable', 'embedder_unavailable', `The embeddings endpoint answered ${status}; try again`, {
        retryAfterSeconds: 5,
      })
    : new DomainError('upstream_failed', 'embedder_refused', `The embeddings endpoint answered ${status}`);

const unreachable = (cause: unknown): DomainError =>
  new DomainError(
    'unavailable',
    'embedder_unavailable',
    'The embeddings endpoint does not answer',
    { retryAfterSeconds: 5 },
    cause,
  );
