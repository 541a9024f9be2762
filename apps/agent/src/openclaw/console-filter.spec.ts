import { describe, expect, it } from '@jest/globals';
import { visibleLine } from './console-filter.js';

const line = (fields: object): string =>
  JSON.stringify({
    time: '2026-11-22T21:15:26.901+00:00',
    level: 'info',
    subsystem: 'gateway',
    message: 'ready',
    ...fields,
  });

describe('what of the output of OpenClaw becomes the log of its agent', () => {
  it('passes how the gateway starts', () => {
    expect(visibleLine(line({}), false)).toEqual({ level: 'info', text: 'openclaw gateway: ready' });
    expect(visibleLine(line({ level: 'fatal' }), false)).toMatchObject({ level: 'error' });
  });

  it.each([
    ['a reply, which has no subsystem', line({ subsystem: undefined, message: 'the canary' })],
    ['plain text', 'the canary'],
    ['a reply that looks like a line', '[gateway] the canary'],
    ['a part that quotes messages', line({ subsystem: 'openai-compat', level: 'warn', message: 'the canary' })],
    ['a subsystem that is a reply', line({ subsystem: 'gateway the canary' })],
    ['broken JSON', '{"level":"info","subsystem":"gateway","message":"the canary'],
    ['an unknown level', line({ level: 'debug', message: 'the canary' })],
  ])('keeps back %s', (_what, text) => {
    expect(visibleLine(text, false)).toBeUndefined();
  });

  it('passes no words any more once somebody may have spoken', () => {
    expect(visibleLine(line({ message: 'the canary' }), true)).toBeUndefined();
    const failed = visibleLine(line({ level: 'error', message: 'the canary' }), true);
    expect(failed).toEqual({ level: 'error', text: 'openclaw gateway reported an error (text withheld)' });
  });
});
