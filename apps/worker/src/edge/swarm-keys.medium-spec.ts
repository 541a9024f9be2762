import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ConfigModule } from '#libs/config';
import { DatabaseModule } from '#libs/database';
import { EventsModule } from '#libs/events';
import { LoggerModule, silentLogger } from '#libs/observability';
import { SwarmsModule, SwarmsService } from '#libs/swarms';
import { signAgentToken } from '#libs/crypto';
import { type TestOrganisation, eventually, testOrganisation } from '#libs/testing';
import { Test, type TestingModule } from '@nestjs/testing';
import { type EdgeFixture, EPOCH, startEdge } from './testing/edge-fixture.js';
import { ScriptedServer } from './testing/scripted-server.js';

describe("a swarm's provider key", () => {
  const provider = new ScriptedServer();
  let edge: EdgeFixture;
  let api: TestingModule;
  let organisation: TestOrganisation;

  beforeAll(async () => {
    await provider.start();
    const openai = { baseUrl: `${provider.url}/v1`, apiKey: undefined };
    edge = await startEdge({ providers: { openai } });
    const imports = [
      ConfigModule.forRoot(edge.config),
      LoggerModule.forRoot(silentLogger()),
      DatabaseModule.forRoot(),
      EventsModule.forRoot(),
      SwarmsModule,
    ];
    api = await (await Test.createTestingModule({ imports }).compile()).init();
    organisation = await testOrganisation(edge.db.database);
  });
  afterAll(async () => {
    await api?.close();
    await edge?.close();
    await provider.stop();
  });

  const call = async ({ agentId }: { agentId: string }): Promise<number> => {
    const claims = { agentId, orgId: organisation.orgId, hostId: edge.config.host.id, epoch: EPOCH };
    const answer = await fetch(`${edge.agentUrl}/llm/openai/chat/completions`, {
      method: 'POST',
      body: '{}',
      headers: { authorization: `Bearer ${signAgentToken(edge.config.security.jwtSecret, claims)}` },
    });
    await answer.text();
    return answer.status;
  };

  it("pays for its agents' calls through the broker, and for none after the swarm is gone", async () => {
    const swarms = api.get(SwarmsService);
    const { id } = await swarms.create(organisation.caller, { name: 'Growth' });
    await swarms.changeSecrets(organisation.caller, id, { set: { openai_api_key: 'sk-REAL-swarm' }, remove: [] });
    const [inside, outside] = [
      await edge.agent('127.0.0.1:1', organisation),
      await edge.agent('127.0.0.1:1', organisation),
    ];
    await edge.db.database.query('UPDATE agents SET swarm_id = $1 WHERE id = $2', [id, inside.agentId]);
    expect([await call(inside), await call(outside)]).toEqual([200, 401]);
    expect(provider.last.headers.authorization).toBe('Bearer sk-REAL-swarm');

    await swarms.changeSecrets(organisation.caller, id, { set: { openai_api_key: 'sk-REAL-second' }, remove: [] });
    await eventually(async () => {
      expect(await call(inside)).toBe(200);
      return provider.last.headers.authorization === 'Bearer sk-REAL-second';
    });

    await swarms.delete(organisation.caller, id);
    expect(await call(inside)).toBe(401);
  });
});
