import { Inject, Injectable } from '@nestjs/common';
import type { Scope } from '#libs/kernel';
import { BasesRepository } from './bases.repository.js';
import { checkedQuery } from './knowledge-input.js';
import { KnowledgeSearch } from './knowledge-search.js';
import type { FoundChunk, SearchChunks } from './knowledge.js';

/** What an agent does with knowledge: it finds what is in its own base and its swarm's, and nothing else. */
@Injectable()
export class AgentKnowledge {
  constructor(
    @Inject(BasesRepository) private readonly bases: BasesRepository,
    @Inject(KnowledgeSearch) private readonly searching: KnowledgeSearch,
  ) {}

  /** Best first. @throws DomainError `validation`. */
  async search(
    agent: Scope & { readonly agentId: string; readonly swarmId: string | null },
    query: SearchChunks,
    signal: AbortSignal,
  ): Promise<FoundChunk[]> {
    checkedQuery(query.query);
    return this.searching.search(await this.bases.ofAgent(agent), query, signal);
  }
}
