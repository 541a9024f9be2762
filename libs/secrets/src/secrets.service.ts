import { Inject, Injectable } from '@nestjs/common';
import { AuditLog } from '#libs/audit';
import type { Tx } from '#libs/database';
import { Notices } from '#libs/events';
import { type Scope, invalid } from '#libs/kernel';
import { type KeyHolder, ProviderKeys } from './provider-keys.js';
import {
  MCP_SECRET_PREFIX,
  PROVIDER_SECRET,
  type Provider,
  type SecretOwner,
  isMcpSecret,
  requireGoodSecrets,
} from './secret-rules.js';
import { SecretVault } from './secret-vault.js';
import { SecretsRepository } from './secrets.repository.js';

const DAY = 86_400;

/** An organisation, with who acts in it when somebody does: a `Caller` is one. */
type Actor = Scope & { readonly subject?: string };

/** Secrets of agents, swarms and organisations: written by users, never given back to them. */
@Injectable()
export class SecretsService {
  constructor(
    @Inject(SecretsRepository) private readonly repository: SecretsRepository,
    @Inject(SecretVault) private readonly vault: SecretVault,
    @Inject(ProviderKeys) private readonly keys: ProviderKeys,
    @Inject(Notices) private readonly notices: Notices,
    @Inject(AuditLog) private readonly audit: AuditLog,
  ) {}

  /**
   * Stores secrets by snake_case name; those not named stay as they are.
   * @throws DomainError `validation` naming each wrong one, before anything is written.
   */
  async put(tx: Tx, scope: Actor, owner: SecretOwner, values: Readonly<Record<string, string>>): Promise<void> {
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
    await this.note(tx, scope, owner, 'secret.write', Object.keys(values));
    this.notices.notifyAfter(tx, 'secrets', owner.id);
  }

  /** Names of what is stored, in order. */
  names(scope: Scope, owner: SecretOwner): Promise<string[]> {
    return this.repository.names(scope, owner);
  }

  /** Deletes secrets by snake_case name; one that is not stored is fine. @returns the names that are left. */
  async remove(tx: Tx, scope: Actor, owner: SecretOwner, names: readonly string[]): Promise<string[]> {
    await this.repository.lockOwner(tx, scope, owner);
    if (names.length > 0) {
      await this.repository.remove(tx, scope, owner, names);
      await this.note(tx, scope, owner, 'secret.remove', names);
      this.notices.notifyAfter(tx, 'secrets', owner.id);
    }
    return [...(await this.repository.versions(tx, scope, owner)).keys()];
  }

  /** Deletes all secrets of an owner. */
  async removeOwner(tx: Tx, scope: Scope, owner: SecretOwner): Promise<void> {
    await this.repository.removeOwner(tx, scope, owner);
    this.notices.notifyAfter(tx, 'secrets', owner.id);
  }

  /** Deletes all secrets of an organisation and its data keys: copies of the database are unreadable without them too. */
  async destroy(tx: Tx, scope: Scope): Promise<void> {
    for (const ownerId of await this.repository.destroy(tx, scope)) this.notices.notifyAfter(tx, 'secrets', ownerId);
  }

  /**
   * The key that pays for an agent's calls: the agent's, else its swarm's, its organisation's, or the platform's where
   * the plan allows. For the broker only; it must never reach an agent, a log or a response.
   * @throws DomainError `unavailable` while Postgres can't be reached (it may serve from memory for 5 s).
   */
  async providerKey(agent: KeyHolder, provider: Provider): Promise<string | undefined> {
    const key = await this.keys.find(agent, provider);
    if (key !== undefined) this.noteUse(agent, PROVIDER_SECRET[provider]);
    return key;
  }

  /**
   * A secret for one of the agent's MCP servers: the agent's, else its swarm's or its organisation's. For the edge only.
   * @throws DomainError `validation` for a name without `mcp_`, `unavailable` while Postgres can't be reached.
   */
  async mcpSecret(agent: KeyHolder, name: string): Promise<string | undefined> {
    if (!isMcpSecret(name)) throw invalid(`${MCP_SECRET_PREFIX}… is what secrets of MCP servers are named`);
    const secret = await this.keys.named(agent, name);
    if (secret !== undefined) this.noteUse(agent, name);
    return secret;
  }

  /** A secret of the organisation, to ask its service about it. It must never reach a log or a response. */
  organisationSecret(scope: Scope, name: string): Promise<string | undefined> {
    return this.keys.ofOrganisation(scope, name);
  }

  private note(tx: Tx, actor: Actor, owner: SecretOwner, action: string, names: readonly string[]): Promise<void> {
    const subject = actor.subject ?? 'system';
    const resource = `${owner.kind}:${owner.id}`;
    const metadata = { names: names.join(' ') };
    const event = { type: 'AUTHORIZATION_SUCCESS', subject, action, resource, result: 'success', metadata } as const;
    return this.audit.append(tx, actor, event);
  }

  /** Once for each run that was under way; outside of runs once for each start of the agent, and once a day. */
  private noteUse({ runs = [], ...agent }: KeyHolder, name: string): void {
    if (runs.length === 0) void this.noteUseIn(agent, name, `${agent.agentId}|${agent.epoch ?? ''}`, {});
    for (const run of runs) void this.noteUseIn(agent, name, run, { run });
  }

  private noteUseIn(agent: KeyHolder, name: string, turn: string, metadata: { run?: string }): Promise<void> {
    const subject = `agent:${agent.agentId}`;
    const about = { subject, action: 'secret.use', resource: `secret:${name}`, metadata } as const;
    const event = { type: 'AUTHORIZATION_SUCCESS', result: 'success', ...about } as const;
    return this.audit.recordOnce(agent, event, { key: `secret|${turn}|${name}`, seconds: DAY });
  }
}
