import { describe, expect, it } from '@jest/globals';
import { DomainError } from '#libs/kernel';
import { extendContext, runWithContext } from './context.js';
import { createLogger } from './logger.js';
import { NestLogger } from './nest-logger.js';
import { RateLimitedLogger } from './rate-limited.js';

const KEY = 'sk-ant-api03-CANARY';
const JWT = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJDQU5BUlkifQ.CANARYCANARY';

function capture() {
  const lines: Record<string, unknown>[] = [];
  const logger = createLogger('debug', 'test', { write: (line: string) => void lines.push(JSON.parse(line)) });
  return { logger, lines };
}

describe('Logger', () => {
  it('writes JSON lines with the fields of the running context', async () => {
    const { logger, lines } = capture();
    await runWithContext({ requestId: 'r1' }, async () => {
      await Promise.resolve();
      extendContext({ orgId: 'o1' });
      runWithContext({ agentId: 'a1' }, () => logger.child({ component: 'queue' }).info('hello', { n: 1 }));
      logger.warn('bye');
    });
    logger.info('outside');
    expect(lines[0]).toMatchObject({
      level: 'info',
      program: 'test',
      component: 'queue',
      requestId: 'r1',
      orgId: 'o1',
      agentId: 'a1',
      n: 1,
      msg: 'hello',
    });
    expect(lines[1]).toMatchObject({ level: 'warn', requestId: 'r1', orgId: 'o1' });
    expect(lines[1]).not.toHaveProperty('agentId');
    expect(lines[2]).not.toHaveProperty('requestId');
  });

  it('blanks credentials in fields, texts, nested values, messages, errors and their causes', () => {
    const { logger, lines } = capture();
    const failure = new DomainError('internal', 'x', `refused ${KEY}`, {}, new Error(`because of ${JWT}`));
    Object.assign(failure, { parameters: ['CANARY'] });
    logger.info(`call with ${KEY} and Bearer CANARY failed`, {
      authorization: 'CANARY',
      headers: { 'x-api-key': 'CANARY', 'set-cookie': ['CANARY'], accept: 'text/plain' },
      list: [{ refreshToken: 'CANARY', slack_bot_token: 'CANARY' }, `xoxb-CANARY`, `ak_live_CANARY`],
      databaseUrl: 'postgres://user:CANARY@host/db',
      url: 'https://example.test/v1?key=CANARY&n=1',
      telegram: '1234567890:AACANARYCANARYCANARYCANARYCANARYCANARY',
      secrets: { openai_api_key: 'CANARY' },
      bytes: Buffer.from('CANARY'),
      error: failure,
    });
    expect(JSON.stringify(lines[0])).not.toContain('CANARY');
    expect(lines[0]).toMatchObject({
      headers: { accept: 'text/plain' },
      error: { type: 'DomainError', kind: 'internal', code: 'x', cause: { type: 'Error' } },
    });
  });

  it('keeps counts of tokens and other plain numbers', () => {
    const { logger, lines } = capture();
    logger.info('turn', { promptTokens: 12, maxTokens: 99, isSecret: true });
    expect(lines[0]).toMatchObject({ promptTokens: 12, maxTokens: 99, isSecret: true });
  });

  it('survives cycles, deep values and huge texts', () => {
    const { logger, lines } = capture();
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    for (let n = 0; n < 60; n += 1) cycle[`again${n}`] = cycle;
    logger.info('x'.repeat(1_000_000), { cycle });
    expect(String(lines[0]!['msg']).length).toBeLessThan(20_000);
    expect(JSON.stringify(lines[0]).length).toBeLessThan(100_000);
  });

  it('writes what Nest says, with its component', () => {
    const { logger, lines } = capture();
    const nest = new NestLogger(logger);
    nest.warn('slow', 'Router');
    nest.error(`bad ${KEY}`, 'stack', 'Router');
    expect(lines[0]).toMatchObject({ level: 'warn', msg: 'slow', component: 'Router' });
    expect(lines[1]).toMatchObject({ level: 'error', component: 'Router', details: ['stack'] });
    expect(JSON.stringify(lines)).not.toContain('CANARY');
  });
});

describe('RateLimitedLogger', () => {
  it('lets one line per message and interval through and counts the rest', () => {
    const { logger, lines } = capture();
    let now = 0;
    const limited = new RateLimitedLogger(logger, 1_000, () => now);
    for (let n = 0; n < 50; n += 1) limited.warn('down');
    limited.warn('other');
    now = 1_000;
    limited.warn('down');
    expect(lines.map((line) => [line['msg'], line['repeated']])).toEqual([
      ['down', undefined],
      ['other', undefined],
      ['down', 49],
    ]);
  });
});
