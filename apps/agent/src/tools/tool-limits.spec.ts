import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ToolError } from './agent-tool.js';
import { TOOL_LIMITS, ToolCalls } from './tool-limits.js';

const turn = new AbortController();
const calls = (signal = turn.signal): ToolCalls => new ToolCalls(signal, 20);

beforeEach(() => {
  jest.spyOn(process.stdout, 'write').mockReturnValue(true);
});

describe('a tool call', () => {
  it('gives texts as they are and all else as JSON', async () => {
    expect(await calls().run('a', () => 'text')).toBe('text');
    expect(await calls().run('a', async () => ({ a: [1, null] }))).toBe('{"a":[1,null]}');
    expect(await calls().run('a', () => undefined)).toBe('');
  });

  it('is cut where it is too long, between characters', async () => {
    const text = await calls().run('a', () => 'x'.repeat(TOOL_LIMITS.outputChars - 1) + '😀😀');
    expect(text).toContain('[cut: 3 more characters]');
    expect(/[\ud800-\udfff]/.test(text)).toBe(false);
  });

  it('is given up when it takes too long, heeding its signal or not', async () => {
    let heard = false;
    const slow = (signal: AbortSignal): Promise<never> => {
      signal.addEventListener('abort', () => (heard = true));
      return new Promise(() => undefined);
    };
    await expect(calls().run('slow', slow)).rejects.toThrow('took longer than');
    expect(heard).toBe(true);
  });

  it('ends with the turn, for the reason of the turn', async () => {
    const leaving = new AbortController();
    const running = calls(leaving.signal).run('slow', () => new Promise(() => undefined));
    leaving.abort(new Error('left'));
    await expect(running).rejects.toThrow('left');
    await expect(calls(leaving.signal).run('late', () => 'x')).rejects.toThrow('left');
  });

  it('tells the model of refusals, and nothing of what broke inside', async () => {
    const fails = (error: Error) => (): never => {
      throw error;
    };
    await expect(calls().run('a', fails(new ToolError('no such note')))).rejects.toThrow('no such note');
    await expect(calls().run('a', fails(new Error('/home/secret')))).rejects.toThrow(/^The tool failed\.$/);
  });

  it('is refused when a turn has had too many', async () => {
    const many = calls();
    for (let nr = 0; nr < TOOL_LIMITS.callsPerTurn; nr += 1) await many.run('a', () => 'x');
    await expect(many.run('a', () => 'x')).rejects.toThrow('Too many tool calls');
  });
});
