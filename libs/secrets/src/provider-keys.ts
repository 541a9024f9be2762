import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { ANY_KEY, Notices } from '#libs/events';
import type { Scope } from '#libs/kernel';
import { PROVIDER_SECRET, type Provider } from './secret-rules.js';
import { SecretVault } from './secret-vault.js';
import { type KeyLookup, SecretsRepository } from './secrets.repository.js';

/** Whose call it is: the agent, with the swarm and organisation it inherits keys from. */
export interface KeyHolder {
  readonly orgId: string;
  readonly agentId: string;
  readonly swarmId: string | null;
  /** Of the instance that asks, where it is known. */
  readonly epoch?: number;
  /** The agent's runs (ids) that were under way when it asked. */
  readonly runs?: readonly string[];
}

interface Entry {
  readonly lookup: KeyLookup;
  readonly expiresAt: number;
  readonly key: Promise<string | undefined>;
}

const LIFETIME_MS = 5_000;
const MOST_ENTRIES = 5_000;
const PLANS_WITH_PLATFORM_KEY: ReadonlySet<string> = new Set(['self-hosted']);

/** The broker's hot path: which key pays for an agent's call. Kept in memory for 5 s at most, dropped by notice. */
@Injectable()
export class ProviderKeys implements OnApplicationShutdown {
  private readonly entries = new Map<string, Entry>();
  private readonly unsubscribe: () => void;

  constructor(
    @Inject(SecretsRepository) private readonly repository: SecretsRepository,
    @Inject(SecretVault) private readonly vault: SecretVault,
    @Inject(CONFIG) private readonly config: Pick<Config, 'providers'>,
    @Inject(Notices) notices: Notices,
  ) {
    this.unsubscribe = notices.subscribe('secrets', (ownerId) => this.drop(ownerId));
  }

  onApplicationShutdown(): void {
    this.unsubscribe();
  }

  /** @throws DomainError `unavailable` when it is not in memory and Postgres does not answer. */
  find(holder: KeyHolder, provider: Provider): Promise<string | undefined> {
    return this.cached(lookupOf(holder, PROVIDER_SECRET[provider]), this.config.providers[provider].apiKey);
  }

  /** A secret of the organisation itself, straight from the database. @throws DomainError `unavailable`. */
  async ofOrganisation(scope: Scope, name: string): Promise<string | undefined> {
    const lookup = { orgId: scope.orgId, agentId: scope.orgId, swarmId: null, name };
    const found = await this.repository.findKey(lookup);
    return found?.secret && this.vault.open(scope, found.secret);
  }

  /** Any secret the agent may be served with, from the same places but the platform. @throws DomainError `unavailable`. */
  named(holder: KeyHolder, name: string): Promise<string | undefined> {
    return this.cached(lookupOf(holder, name), undefined);
  }

  private cached(lookup: KeyLookup, platformKey: string | undefined): Promise<string | undefined> {
    const name = `${lookup.orgId}|${lookup.agentId}|${lookup.swarmId ?? ''}|${lookup.name}`;
    const known = this.entries.get(name);
    if (known && known.expiresAt > performance.now()) return known.key;
    const entry: Entry = {
      lookup,
      expiresAt: performance.now() + LIFETIME_MS,
      key: this.read(lookup, platformKey),
    };
    this.remember(name, entry);
    entry.key.catch(() => this.entries.get(name) === entry && this.entries.delete(name));
    return entry.key;
  }

  private async read(lookup: KeyLookup, platformKey: string | undefined): Promise<string | undefined> {
    const found = await this.repository.findKey(lookup);
    if (!found) return undefined;
    if (found.secret) return this.vault.open(lookup, found.secret);
    return PLANS_WITH_PLATFORM_KEY.has(found.plan) ? platformKey : undefined;
  }

  private remember(name: string, entry: Entry): void {
    this.entries.delete(name);
    const [oldest] = this.entries.keys();
    if (this.entries.size >= MOST_ENTRIES && oldest !== undefined) this.entries.delete(oldest);
    this.entries.set(name, entry);
  }

  private drop(ownerId: string): void {
    for (const [name, { lookup }] of this.entries) {
      const owners = [lookup.agentId, lookup.swarmId, lookup.orgId];
      if (ownerId === ANY_KEY || owners.includes(ownerId)) this.entries.delete(name);
    }
  }
}

const lookupOf = ({ orgId, agentId, swarmId }: KeyHolder, name: string): KeyLookup => ({
  orgId,
  agentId,
  swarmId,
  name,
});
