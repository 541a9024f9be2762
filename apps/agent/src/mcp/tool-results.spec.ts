import { describe, expect, it } from '@jest/globals';
import { ToolError } from '../tools/agent-tool.js';
import { resultText } from './tool-results.js';

describe('results of MCP tools', () => {
  it('are their texts, with a line for what the model cannot read', () => {
    const text = resultText({
      content: [
        { type: 'text', text: 'one' },
        { type: 'image', data: 'AAAA', mimeType: 'image/png' },
        { type: 'resource_link', name: 'log', uri: 'file:///log' },
        { type: 'resource', resource: { uri: 'file:///a', text: 'two' } },
        { type: 'resource', resource: { uri: 'file:///b', blob: 'AAAA' } },
      ],
    });
    expect(text.split('\n')).toEqual([
      'one',
      '[image of type image/png, not shown]',
      '[resource log: file:///log]',
      'two',
      '[resource file:///b, not shown]',
    ]);
  });

  it('are the structure where there is no text', () => {
    expect(resultText({ content: [], structuredContent: { a: 1 } })).toBe('{"a":1}');
    expect(resultText({ content: [] })).toBe('(no output)');
  });

  it('are a refusal where the tool says that it failed', () => {
    expect(() => resultText({ content: [{ type: 'text', text: 'no such city' }], isError: true })).toThrow(
      new ToolError('no such city'),
    );
    expect(() => resultText({ content: [], isError: true })).toThrow(ToolError);
  });

  it('are not put together without end', () => {
    const content = Array.from({ length: 1000 }, () => ({ type: 'text' as const, text: 'x'.repeat(10_000) }));
    expect(resultText({ content }).length).toBeLessThan(120_000);
  });
});
