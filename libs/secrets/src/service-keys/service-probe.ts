import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import type { ServiceName } from './service-key.js';

/** What a service said of a key. */
export interface ProbeResult {
  /** `unknown`: it could not be asked, or did not answer as it should. */
  readonly verdict: 'valid' | 'invalid' | 'unknown';
  readonly message: string;
}

interface Door {
  readonly title: string;
  /** A path that needs a key and changes nothing. */
  readonly path: string;
  headers(key: string): Readonly<Record<string, string>>;
  /** Whether a body is what the path answers. */
  isAnswer(body: Readonly<Record<string, unknown>>): boolean;
}

const MOST_BYTES = 4 * 1024 * 1024;
const bearer = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });
const lists =
  (field: string) =>
  (body: Readonly<Record<string, unknown>>): boolean =>
    Array.isArray(body[field]);

/** Each service's list of models, or whatever else tells who is asking. Source: the services' API references. */
const DOORS: Readonly<Record<ServiceName, Door>> = {
  anthropic: {
    title: 'Anthropic',
    path: 'models',
    headers: (key) => ({ 'x-api-key': key, 'anthropic-version': '2023-06-01' }),
    isAnswer: lists('data'),
  },
  openai: { title: 'OpenAI', path: 'models', headers: bearer, isAnswer: lists('data') },
  cohere: { title: 'Cohere', path: 'models', headers: bearer, isAnswer: lists('models') },
  huggingface: {
    title: 'Hugging Face',
    path: 'whoami-v2',
    headers: bearer,
    isAnswer: ({ name }) => typeof name === 'string',
  },
  google: { title: 'Google', path: 'models', headers: (key) => ({ 'x-goog-api-key': key }), isAnswer: lists('models') },
  groq: { title: 'Groq', path: 'models', headers: bearer, isAnswer: lists('data') },
  mistral: { title: 'Mistral', path: 'models', headers: bearer, isAnswer: lists('data') },
  ollama: { title: 'Ollama', path: 'tags', headers: bearer, isAnswer: lists('models') },
};

/** Asks services whether they know a key. Addresses are the operator's; redirects are not followed, since a key goes along. */
@Injectable()
export class ServiceProbe {
  constructor(@Inject(CONFIG) private readonly config: Pick<Config, 'services'>) {}

  /** Never throws, and never says the key. */
  async ask(service: ServiceName, key: string): Promise<ProbeResult> {
    const door = DOORS[service];
    const { timeoutMs, baseUrls } = this.config.services;
    try {
      const response = await fetch(`${baseUrls[service]}/${door.path}`, {
        headers: { accept: 'application/json', ...door.headers(key) },
        redirect: 'manual',
        signal: AbortSignal.timeout(timeoutMs),
      });
      return await judged(door, response);
    } catch {
      return { verdict: 'unknown', message: `${door.title} cannot be reached just now` };
    }
  }
}

async function judged(door: Door, response: Response): Promise<ProbeResult> {
  const { status } = response;
  const body = await read(response);
  if (status === 401 || status === 403 || isBadKey(status, body)) {
    return { verdict: 'invalid', message: `${door.title} does not accept this key` };
  }
  if (status === 200 && body !== undefined && door.isAnswer(body)) {
    return { verdict: 'valid', message: `${door.title} accepts this key` };
  }
  return { verdict: 'unknown', message: `${door.title} did not say whether it accepts this key (status ${status})` };
}

/** Google says 400 to a key it does not know. */
const isBadKey = (status: number, body: Readonly<Record<string, unknown>> | undefined): boolean =>
  status === 400 && JSON.stringify(body ?? null).includes('API_KEY_INVALID');

/** An object of JSON up to a size; undefined for anything else. */
async function read(response: Response): Promise<Readonly<Record<string, unknown>> | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > MOST_BYTES) return undefined;
    chunks.push(chunk);
  }
  try {
    const value = JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
