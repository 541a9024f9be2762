import { describe, expect, it } from '@jest/globals';
import { ActiveTurns } from './active-turns.js';

const turn = (sessionKey: string) => ({ sessionKey, fail: () => undefined });
const call = (sessionKey: string): string =>
  JSON.stringify({
    messages: [{ content: `[Sun 21:28 UTC] hello\n\nRuntime: agent=peers | session=${sessionKey} | sessionId=x |` }],
  });

describe('whose call of the model it is', () => {
  const [a, b] = [turn('agent:peers:a-1'), turn('agent:main:b-2')];

  it('is told by the session that OpenClaw names', () => {
    const turns = new ActiveTurns();
    [a, b].forEach((each) => turns.add(each));
    expect(turns.of(call('agent:peers:a-1'))).toBe(a);
    expect(turns.of(call('agent:main:b-2'))).toBe(b);
  });

  it('is nobody of ours when the session is another, as of a sub-agent', () => {
    const turns = new ActiveTurns();
    turns.add(a);
    expect(turns.of(call('agent:main:subagent:9'))).toBeUndefined();
  });

  it('is the only one there is when no session is named', () => {
    const turns = new ActiveTurns();
    expect(turns.of('{}')).toBeUndefined();
    turns.add(a);
    expect(turns.of('{}')).toBe(a);
    turns.add(b);
    expect(turns.of('{}')).toBeUndefined();
  });
});
