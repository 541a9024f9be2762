import { Inject, Injectable } from '@nestjs/common';
import { AuditLog, done } from '#libs/audit';
import { CONFIG, type Config } from '#libs/config';
import { Database, type Tx } from '#libs/database';
import { OrganisationsService } from '#libs/identity';
import { type Caller, type FieldIssue, invalid, newId, notFound } from '#libs/kernel';
import { SecretsService } from '#libs/secrets';
import { SwarmsService } from '#libs/swarms';
import { type AgentConfig, type AgentRuntime, type AlongWith, type CreateAgent, REGIONS, RUNTIMES } from './agent.js';
import { LLM_KEYS, newConfig, wantedProvider } from './agent-config.js';
import { AgentJournal, type Changed } from './agent-journal.js';
import { agentLimitReached, noCapacity } from './agents.errors.js';
import { freeSessionKey } from './session-key.js';
import { defaultFiles } from './default-files.js';
import { contentProblem, fileHash, requireGoodContent } from './files/file-rules.js';
import type { PlacedHost } from './hosts/host.js';
import { HostsRepository } from './hosts/hosts.repository.js';

const INSERT = `
  INSERT INTO agents (id, org_id, swarm_id, created_by, name, region, runtime, image, config, host_id, persona, session_key,
                      event_seq)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 1) RETURNING id, org_id, event_seq`;

const MOST_PERSONA_CHARACTERS = 5_000;

interface NewAgent {
  readonly id: string;
  readonly name: string;
  readonly persona: string | null;
  readonly region: string;
  readonly runtime: AgentRuntime;
  readonly config: AgentConfig;
  readonly files: Readonly<Record<string, string>>;
}

/** The other domains that creation asks. */
@Injectable()
export class AgentCreationPorts {
  constructor(
    @Inject(HostsRepository) readonly hosts: HostsRepository,
    @Inject(SwarmsService) readonly swarms: SwarmsService,
    @Inject(SecretsService) readonly secrets: SecretsService,
    @Inject(OrganisationsService) readonly organisations: OrganisationsService,
  ) {}
}

/** Makes the row, secrets and files of an agent in one transaction and rings its host. */
@Injectable()
export class AgentCreation {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(AgentJournal) private readonly journal: AgentJournal,
    @Inject(AgentCreationPorts) private readonly ports: AgentCreationPorts,
    @Inject(AuditLog) private readonly audit: AuditLog,
  ) {}

  /** @throws DomainError `validation`, `not_found` (swarm), `plan_limit` or `no_capacity`; nothing is kept then. */
  async create(caller: Caller, input: CreateAgent, id: string = newId(), also?: AlongWith): Promise<string> {
    const agent = { ...this.checked(input), id };
    const swarm = input.swarmId === undefined ? undefined : await this.ports.swarms.get(caller, input.swarmId);
    const shared = swarm ? await this.ports.secrets.names(caller, { kind: 'swarm', id: swarm.id }) : [];
    const common = await this.ports.secrets.names(caller, { kind: 'organisation', id: caller.orgId });
    const names = [...Object.keys(input.secrets), ...shared, ...common];
    if (input.keyLater !== true) refuseMissingKey(agent.config, names);
    const account = await this.ports.organisations.account(caller);
    await this.database.transaction(async (tx) => {
      if (swarm) await this.ports.swarms.hold(tx, caller, swarm.id);
      await refuseOverLimit(tx, caller.orgId, account.limits.maxAgents);
      const host = await this.ports.hosts.place(tx, { region: agent.region });
      if (!host) throw noCapacity(agent.region);
      await this.insert(tx, caller, agent, swarm?.id ?? null, host);
      await this.ports.secrets.put(tx, caller, { kind: 'agent', id: agent.id }, input.secrets);
      await this.audit.append(tx, caller, done(caller, 'agent.create', `agent:${agent.id}`));
      await also?.(tx, agent.id);
      await this.journal.ring(tx, agent.id, host);
    });
    return agent.id;
  }

  private checked(input: CreateAgent): Omit<NewAgent, 'id'> {
    const name = checkedName(input.name);
    const region = input.region ?? 'eu';
    if (!REGIONS.includes(region)) throw invalid('region must be us or eu', [issue('region', 'must be us or eu')]);
    const runtime = input.runtime ?? this.config.agent.runtime;
    if (!RUNTIMES.includes(runtime)) throw invalid('runtime must be house or openclaw', [issue('runtime', 'unknown')]);
    const config = newConfig(input.config ?? {}, this.config.runtime === 'docker');
    const given = { 'SOUL.md': input.soulMd, 'WORKFLOW.md': input.workflowMd };
    const files = { ...defaultFiles(name), ...definedFiles(given) };
    const persona = checkedPersona(input.persona) ?? null;
    return { name, persona, region, runtime, config, files };
  }

  private async insert(
    tx: Tx,
    caller: Caller,
    agent: NewAgent,
    swarmId: string | null,
    host: PlacedHost,
  ): Promise<void> {
    const [row] = await tx.query<Changed>(INSERT, [
      agent.id,
      caller.orgId,
      swarmId,
      caller.userId ?? null,
      agent.name,
      agent.region,
      agent.runtime,
      this.config[agent.runtime === 'openclaw' ? 'openclaw' : 'agent'].image,
      JSON.stringify(agent.config),
      host.id,
      agent.persona,
      await freeSessionKey(tx, caller, agent.name),
    ]);
    if (!row) throw new Error('The agent was not inserted');
    await insertFiles(tx, caller.orgId, agent);
    await this.journal.status(tx, row, { from: null, to: 'provisioning', cause: `created by ${caller.subject}` });
  }
}

const issue = (field: string, message: string, type = 'invalid'): FieldIssue => ({
  path: ['body', field],
  message,
  type,
});

/** Trims it. @throws DomainError `validation`. */
export function checkedName(name: string): string {
  const trimmed = name.trim();
  if (trimmed.length >= 1 && trimmed.length <= 255 && !/\p{Cc}/u.test(trimmed)) return trimmed;
  const message = 'must be 1 to 255 characters without control characters';
  throw invalid(`name ${message}`, [issue('name', message)]);
}

/** @throws DomainError `validation`. */
export function checkedPersona(persona: string | null | undefined): string | null | undefined {
  const problem = typeof persona === 'string' ? personaProblem(persona) : undefined;
  if (problem === undefined) return persona;
  throw invalid(`persona ${problem}`, [issue('persona', problem)]);
}

const personaProblem = (persona: string): string | undefined =>
  persona.length > MOST_PERSONA_CHARACTERS
    ? `may have at most ${MOST_PERSONA_CHARACTERS} characters`
    : contentProblem(persona);

/** `names`: of the secrets that the agent has, and of those it shares with its swarm and organisation. */
function refuseMissingKey(config: AgentConfig, names: readonly string[]): void {
  if (wantedProvider(config) === 'demo' || Object.values(LLM_KEYS).some((key) => names.includes(key))) return;
  const message = 'must hold at least one of anthropicApiKey, openaiApiKey and googleApiKey';
  throw invalid(`secrets ${message}`, [issue('secrets', message, 'missing')]);
}

function definedFiles(given: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const entries = Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== undefined);
  for (const [path, text] of entries) {
    requireGoodContent(text, path === 'SOUL.md' ? 'soulMd' : 'workflowMd');
  }
  return Object.fromEntries(entries);
}

/** Under the organisation's lock, so that none is made in one that is being deleted. */
async function refuseOverLimit(tx: Tx, orgId: string, maxAgents: number): Promise<void> {
  const [open] = await tx.query(
    'SELECT 1 FROM organisations WHERE id = $1 AND deleting_since IS NULL FOR NO KEY UPDATE',
    [orgId],
  );
  if (!open) throw notFound('Organisation');
  const [row] = await tx.query<{ agents: number }>(
    `SELECT count(*)::int AS agents FROM agents WHERE org_id = $1 AND desired_state <> 'deleted'`,
    [orgId],
  );
  if ((row?.agents ?? 0) >= maxAgents) throw agentLimitReached(maxAgents);
}

async function insertFiles(tx: Tx, orgId: string, agent: NewAgent): Promise<void> {
  const paths = Object.keys(agent.files);
  const contents = Object.values(agent.files);
  const digests = contents.map(fileHash);
  await tx.query(
    `INSERT INTO agent_files (agent_id, org_id, path, content, sha256)
     SELECT $1, $2, * FROM unnest($3::text[], $4::text[], $5::text[])`,
    [agent.id, orgId, paths, contents, digests],
  );
}
