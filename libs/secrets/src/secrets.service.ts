import { Inject, Injectable } from '@nestjs/common';
import type { Tx } from '#libs/database';
import { Notices } from '#libs/events';
import { type Scope, invalid } from '#libs/kernel';
import { type KeyHolder, ProviderKeys } from './provider-keys.js';
import { MCP_SECRET_PREFIX, type Provider, type SecretOwner, isMcpSecret, requireGoodSecrets } from './secret-rules.js';
import { SecretVault } from './secret-vault.js';
import { SecretsRepository } from './secrets.repository.js';

/** Secrets of agents, swarms and organisations: written by users, never given back to them. */
@Injectable()
export class SecretsService {
  constructor(
    @Inject(SecretsRepository) private readonly repository: SecretsRepository,
    @Inject(SecretVault) private readonly vault: SecretVault,
    @Inject(ProviderKeys) private readonly keys: ProviderKeys,
    @Inject(Notices) private readonly notices: Notices,
  ) {}

  /**
   * Stores secrets by snake_case name; those not named stay as they are.
   * @throws DomainError `validation` naming each wrong one, before anything is written.
   */
  async put(tx: Tx, scope: Scope, owner: SecretOwner, values: Readonly<Record<string, string>>): Promise<void> {
    requireGoodSecrets(values);
    if (Object.keys(values).length === 0) return;
    await this.repository.lockOwner(tx, scope, owner);
    const { version: keyVersion, dataKey } = await this.vault.currentKey(tx, scope);
    const present = await this.repository.versions(tx, scope, owner);
    for (const [name, value] of Object.entries(values)) {
      const version = (present.get(name) ?? 0) + 1;
      const place = { ownerKind: owner.kind, ownerId: owner.id, name, version };
      const ciphertext = this.vault.seal(scope, dataKey, place, value);
      await this.repository.save(tx, scope, owner, { name, version, keyVersion, ciphertext });
    }
    this.notices.notifyAfter(tx, 'secrets', owner.id);
  }

  /** Names of what is stored, in order. */
  names(scope: Scope, owner: SecretOwner): Promise<string[]> {
    return this.repository.names(scope, owner);
  }

  /** Deletes secrets by snake_case name; one that is not stored is fine. @returns the names that are left. */
  async remove(tx: Tx, scope: Scope, owner: SecretOwner, names: readonly string[]): Promise<string[]> {
    await this.repository.lockOwner(tx, scope, owner);
    if (names.length > 0) {
      await this.repository.remove(tx, scope, owner, names);
      this.notices.notifyAfter(tx, 'secrets', owner.id);
    }
    return [...(await this.repository.versions(tx, scope, owner)).keys()];
  }

  /** Deletes all secrets of an owner. */
  async removeOwner(tx: Tx, scope: Scope, owner: SecretOwner): Promise<void> {
    await this.repository.removeOwner(tx, scope, owner);
    this.notices.notifyAfter(tx, 'secrets', owner.id);
  }

  /**
   * The key that pays for an agent's calls: the agent's, else its swarm's, its organisation's, or the platform's where
   * the plan allows. For the broker only; it must never reach an agent, a log or a response.
   * @throws DomainError `unavailable` while Postgres can't be reached (it may serve from memory for 5 s).
   */
  providerKey(agent: KeyHolder, provider: Provider): Promise<string | undefined> {
    return this.keys.find(agent, provider);
  }

  /**
   * A secret for one of the agent's MCP servers: the agent's, else its swarm's or its organisation's. For the edge only.
   * @throws DomainError `validation` for a name without `mcp_`, `unavailable` while Postgres can't be reached.
   */
  mcpSecret(agent: KeyHolder, name: string): Promise<string | undefined> {
    if (!isMcpSecret(name)) throw invalid(`${MCP_SECRET_PREFIX}… is what secrets of MCP servers are named`);
    return this.keys.named(agent, name);
  }
}
