import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '#libs/database';
import { OrganisationsService } from '#libs/identity';
import { type Caller, type Scope, invalid, isUuid, newId, requireScope } from '#libs/kernel';
import { SecretsService } from '#libs/secrets';
import type { ChangeSwarmSecrets, CreateSwarm, Swarm, SwarmDetails, UpdateSwarm } from './swarm.js';
import { SwarmDepartures } from './swarm-departures.js';
import { checkedDescription, checkedIcon, checkedName, freeSlug, slugOf } from './swarm-rules.js';
import { swarmLimitReached, swarmNotFound, swarmsNotOffered } from './swarms.errors.js';
import { SwarmsRepository } from './swarms.repository.js';

const MOST_SWARMS = 1_000;
const owner = (id: string) => ({ kind: 'swarm', id }) as const;

/** What users do with swarms, and what other domains ask about them. Another organisation's swarm is `not_found`. */
@Injectable()
export class SwarmsService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(SwarmsRepository) private readonly swarms: SwarmsRepository,
    @Inject(OrganisationsService) private readonly organisations: OrganisationsService,
    @Inject(SecretsService) private readonly secrets: SecretsService,
    @Inject(SwarmDepartures) private readonly departures: SwarmDepartures,
  ) {}

  /** @throws DomainError `not_found`. */
  async get(scope: Scope, id: string): Promise<Swarm> {
    const swarm = isUuid(id) ? await this.swarms.find(scope, id) : undefined;
    if (!swarm) throw swarmNotFound();
    return swarm;
  }

  /**
   * Keeps the swarm from being deleted until `tx` ends: for whoever is about to refer to it. Take it before locks on what
   * belongs to the swarm, since a deletion goes in that order.
   * @throws DomainError `not_found`.
   */
  async hold(tx: Tx, scope: Scope, id: string): Promise<void> {
    if (!isUuid(id) || !(await this.swarms.hold(tx, scope, id))) throw swarmNotFound();
  }

  /** Newest first; an organisation has at most 1000. */
  async list(caller: Caller): Promise<readonly Swarm[]> {
    requireScope(caller, 'swarms:read');
    return this.swarms.list(caller);
  }

  /** @throws DomainError `not_found`. */
  async details(caller: Caller, id: string): Promise<SwarmDetails> {
    requireScope(caller, 'swarms:read');
    return this.overview(caller, id);
  }

  /** The same for who has changed it and need not be allowed to read others. @throws DomainError `not_found`. */
  async overview(scope: Scope, id: string): Promise<SwarmDetails> {
    return { ...(await this.get(scope, id)), agents: await this.swarms.agents(scope, id) };
  }

  /**
   * @param id - for a request that may be repeated: when the organisation has this swarm already, it is the answer.
   * @throws DomainError `validation`, `plan_limit` (code `feature_not_available` or `plan_limit_reached`).
   */
  async create(caller: Caller, input: CreateSwarm, id: string = newId()): Promise<Swarm> {
    requireScope(caller, 'swarms:write');
    const name = checkedName(input.name);
    const description = checkedDescription(input.description ?? null);
    const icon = checkedIcon(input.icon ?? null);
    if (!(await this.organisations.account(caller)).features.swarms) throw swarmsNotOffered();
    await this.database.transaction(async (tx) => {
      const taken = await this.swarms.lockSlugs(tx, caller);
      if (await this.swarms.find(caller, id, tx)) return;
      if (taken.size >= MOST_SWARMS) throw swarmLimitReached(MOST_SWARMS);
      await this.swarms.insert(tx, caller, { id, name, slug: freeSlug(slugOf(name), taken), description, icon });
    });
    return this.get(caller, id);
  }

  /** The slug stays. @throws DomainError `validation`, `not_found`. */
  async update(caller: Caller, id: string, { name, description, icon }: UpdateSwarm): Promise<Swarm> {
    requireScope(caller, 'swarms:write');
    if ([name, description, icon].every((value) => value === undefined)) {
      throw invalid('Give at least one of name, description and icon');
    }
    const change: UpdateSwarm = {
      ...(name === undefined ? {} : { name: checkedName(name) }),
      ...(description === undefined ? {} : { description: checkedDescription(description) }),
      ...(icon === undefined ? {} : { icon: checkedIcon(icon) }),
    };
    const updated = isUuid(id) && (await this.database.transaction((tx) => this.swarms.update(tx, caller, id, change)));
    if (!updated) throw swarmNotFound();
    return this.get(caller, id);
  }

  /** Its agents stay without a swarm; its secrets are gone at once. @throws DomainError `not_found`. */
  async delete(caller: Caller, id: string): Promise<void> {
    requireScope(caller, 'swarms:write');
    if (!isUuid(id)) throw swarmNotFound();
    await this.database.transaction(async (tx) => {
      if (!(await this.swarms.lock(tx, caller, id))) throw swarmNotFound();
      await this.departures.run(tx, caller, id, `swarm deleted by ${caller.subject}`);
      await this.secrets.removeOwner(tx, caller, owner(id));
      await this.swarms.remove(tx, caller, id);
    });
  }

  /**
   * Stores, replaces and deletes secrets that all agents of the swarm use, through the broker and at once.
   * @returns the names of what is stored now.
   * @throws DomainError `not_found`, `validation`.
   */
  async changeSecrets(caller: Caller, id: string, { set, remove }: ChangeSwarmSecrets): Promise<readonly string[]> {
    requireScope(caller, 'swarms:write');
    const both = remove.find((name) => Object.hasOwn(set, name));
    if (both !== undefined) throw invalid(`deleteSecrets: ${both} is to be stored and deleted at once`);
    return this.database.transaction(async (tx) => {
      await this.hold(tx, caller, id);
      await this.secrets.put(tx, caller, owner(id), set);
      return (await this.secrets.remove(tx, caller, owner(id), remove)).sort();
    });
  }
}
