import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import type { Embedder } from './embedder.js';
import { LOCAL_EMBEDDER, LocalEmbedder } from './local-embedder.js';
import { OpenAiEmbedder } from './openai-embedder.js';

/** The embedder of the configuration, and what others can still be asked. */
@Injectable()
export class Embedders implements OnApplicationShutdown {
  /** What new texts are embedded with. */
  readonly current: Embedder;
  private readonly local = new LocalEmbedder();

  constructor(@Inject(CONFIG) config: Config) {
    const { url, model, apiKey } = config.embeddings;
    this.current = url === undefined ? this.local : new OpenAiEmbedder({ url, model, apiKey });
  }

  /** Undefined for a model that this configuration cannot reach any more. */
  byId(id: string): Embedder | undefined {
    if (id === this.current.id) return this.current;
    return id === LOCAL_EMBEDDER ? this.local : undefined;
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.local.close(), this.current.close()]);
  }
}
