import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Config } from '#libs/config';
import { newId } from '#libs/kernel';
import { silentLogger } from '#libs/observability';
import {
  type Overrides,
  type TestDatabase,
  type TestOrganisation,
  freePort,
  testDatabase,
  testOrganisation,
} from '#libs/testing';
import { EdgeModule } from '../edge.module.js';

/** A real edge on a database and ports of its own. */
export interface EdgeFixture {
  readonly db: TestDatabase;
  readonly config: Config;
  readonly app: INestApplicationContext;
  readonly relayUrl: string;
  readonly agentUrl: string;
  /** A running agent of a new (or this) organisation, as rows, whose gateway is at `endpoint`. */
  agent(endpoint: string, of?: TestOrganisation): Promise<TestOrganisation & { agentId: string }>;
  close(): Promise<void>;
}

export const EPOCH = 7;

export async function startEdge(overrides: Overrides<Config> = {}): Promise<EdgeFixture> {
  const db = await testDatabase();
  const [relayPort, agentPort] = [await freePort(), await freePort()];
  const relayUrl = `http://127.0.0.1:${relayPort}`;
  const config = db.config({ ...overrides, edge: { ...overrides.edge, relayPort, agentPort, url: relayUrl } });
  const app = await NestFactory.createApplicationContext(EdgeModule.forRoot(config, silentLogger()), { logger: false });
  await db.database.query('INSERT INTO hosts (id, runtime, edge_url, capacity_agents) VALUES ($1, $2, $3, 10)', [
    config.host.id,
    config.runtime,
    relayUrl,
  ]);
  return {
    db,
    config,
    app,
    relayUrl,
    agentUrl: `http://127.0.0.1:${agentPort}`,
    agent: async (endpoint, of) => {
      const organisation = of ?? (await testOrganisation(db.database));
      return { ...organisation, agentId: await insertAgent(db, config, organisation.orgId, endpoint) };
    },
    close: async () => {
      await app.close();
      await db.close();
    },
  };
}

async function insertAgent(db: TestDatabase, config: Config, orgId: string, endpoint: string): Promise<string> {
  const id = newId();
  await db.database.query(
    `INSERT INTO agents (id, org_id, name, region, image, status, host_id, epoch, instance_epoch, endpoint)
     VALUES ($1, $2, 'Test agent', 'eu', 'house', 'running', $3, $4, $4, $5)`,
    [id, orgId, config.host.id, EPOCH, endpoint],
  );
  return id;
}
