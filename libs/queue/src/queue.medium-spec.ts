import { afterAll } from '@jest/globals';
import { type TestRedis, describeIf, requireTool, startRedis } from '#libs/testing';
import { describeQueueConformance } from './conformance/queue.conformance-spec.js';

describeQueueConformance('Postgres', () => Promise.resolve({}));

describeIf(requireTool('redis-server'), 'with redis-server', () => {
  let redis: TestRedis | undefined;

  describeQueueConformance('Redis', async () => {
    redis = await startRedis();
    return { redisUrl: redis.url };
  });
  afterAll(() => redis?.stop());
});
