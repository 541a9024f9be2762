import { describe, expect, it } from '@jest/globals';
import { toolName } from './tool-names.js';

describe('names of MCP tools', () => {
  it('are server and tool where these fit', () => {
    expect(toolName('search', 'find-page')).toBe('search_find-page');
    expect(toolName('2nd', 'x')).toBe('_2nd_x');
    expect(toolName('a', 'x'.repeat(62))).toBe(`a_${'x'.repeat(62)}`);
  });

  it('fit every provider, and stay different from each other', () => {
    const odd = ['x'.repeat(63), 'x'.repeat(64), 'a.b', 'a/b', 'a b', 'ä', '', 'tools.find/page', `${'y'.repeat(80)}1`];
    const names = [...odd, `${'y'.repeat(80)}2`].map((tool) => toolName('9server', tool));
    for (const name of names) expect(name).toMatch(/^[A-Za-z_][A-Za-z0-9_-]{0,63}$/);
    expect(new Set(names).size).toBe(names.length);
    expect(toolName('s', 'a.b')).toMatch(/^s_a_b_[0-9a-f]{8}$/);
  });
});
