import { Inject, Injectable } from '@nestjs/common';
import { isUuid, notFound, type Scope } from '#libs/kernel';
import type { Swarm } from './swarm.js';
import { SwarmsRepository } from './swarms.repository.js';

@Injectable()
export class SwarmsService {
  constructor(@Inject(SwarmsRepository) private readonly swarms: SwarmsRepository) {}

  /** @throws DomainError `not_found` when the organisation has no such swarm. */
  async get(scope: Scope, id: string): Promise<Swarm> {
    const swarm = isUuid(id) ? await this.swarms.find(scope, id) : undefined;
    if (!swarm) throw notFound('Swarm');
    return swarm;
  }
}
