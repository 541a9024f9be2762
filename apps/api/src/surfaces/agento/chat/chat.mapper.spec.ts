import { describe, expect, it } from '@jest/globals';
import { toChatRun, toChatSession, toHistory } from './chat.mapper.js';

const startedAt = new Date(Date.UTC(2026, 1, 10, 14));

describe('toHistory', () => {
  it.each([
    ['2026-02-10', '2026-02-10T00:00:00.000Z'],
    ['2026-02-10T14:00', '2026-02-10T14:00:00.000Z'],
    ['2026-02-10T14:00:00.5', '2026-02-10T14:00:00.500Z'],
    ['2026-02-10T14:00:00Z', '2026-02-10T14:00:00.000Z'],
    ['2026-02-10T14:00:00+02:00', '2026-02-10T12:00:00.000Z'],
    ['2026-02-10T14:00:00-05:00', '2026-02-10T19:00:00.000Z'],
  ])('reads %s as %s wherever the server stands', (since, moment) => {
    expect(toHistory({ since }).since?.toISOString()).toBe(moment);
  });

  it('leaves out what was not asked for', () => {
    expect(toHistory({}).since).toBeUndefined();
  });
});

describe('chat on the wire', () => {
  it('shows a session without its peer', () => {
    const session = {
      id: 'sess_1',
      name: null,
      channel: 'api',
      peerId: 'customer-42',
      startedAt,
      status: 'ACTIVE',
      owner: 'key:1',
    } as const;
    expect(toChatSession(session)).toEqual({
      id: 'sess_1',
      name: null,
      channel: 'api',
      startedAt: '2026-02-10T14:00:00.000Z',
    });
  });

  it('shows how a run stands', () => {
    const run = {
      id: 'r',
      sessionId: 'sess_1',
      status: 'running',
      onDisconnect: 'cancel',
      errorCode: null,
      errorMessage: null,
      startedAt,
      finishedAt: null,
    } as const;
    expect(toChatRun({ ...run, promptTokens: 1, completionTokens: 2 }).data).toEqual({
      ...run,
      startedAt: '2026-02-10T14:00:00.000Z',
    });
  });
});
