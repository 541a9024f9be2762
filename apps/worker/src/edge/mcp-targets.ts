import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';
import { DomainError, notFound } from '#libs/kernel';
import { type McpServer, filledIn, isHttpServer, secretsOf } from '#libs/mcp';
import { type KeyHolder, SecretsService } from '#libs/secrets';

const SERVER = `SELECT config->'mcpServers'->$3::text AS server FROM agents WHERE org_id = $1 AND id = $2`;

/** Where an agent's MCP server is, with secrets filled in. */
export interface McpTarget {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** What was filled in: must not come back to the agent. */
  readonly secrets: readonly string[];
}

/** Reads the servers of agents as their config names them now. */
@Injectable()
export class McpTargets {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(SecretsService) private readonly secrets: SecretsService,
  ) {}

  /** @throws DomainError `not_found`; `conflict` naming a secret that is not stored; `unavailable`. */
  async find(agent: KeyHolder, name: string): Promise<McpTarget> {
    const values = [agent.orgId, agent.agentId, name];
    const [row] = await this.database.named<{ server: McpServer | null }>('edge.mcp_server', SERVER, values);
    const server = row?.server;
    if (!server || !isHttpServer(server)) throw notFound(`MCP server ${name}`);
    const secrets = new Map<string, string>();
    for (const secret of secretsOf(server)) {
      const value = await this.secrets.mcpSecret(agent, secret);
      if (value === undefined) throw missing(secret, name);
      secrets.set(secret, value);
    }
    return { ...filledIn(server, (secret) => secrets.get(secret) ?? ''), secrets: [...secrets.values()] };
  }
}

const missing = (secret: string, server: string): DomainError =>
  new DomainError(
    'conflict',
    'mcp_secret_missing',
    `The secret ${secret}, which MCP server ${server} needs, is not stored`,
  );
