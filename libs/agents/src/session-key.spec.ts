import { describe, expect, it } from '@jest/globals';
import { agentSlug, sessionKeyOf } from './session-key.js';

describe('agentSlug', () => {
  it.each([
    ['My Assistant', 'my-assistant'],
    ['  --Ada (v2)! ', 'ada-v2'],
    ['Zoë Ångström', 'zoe-angstrom'],
    ['客服', 'agent'],
    ['', 'agent'],
    ['x'.repeat(80), 'x'.repeat(50)],
    [`${'x'.repeat(49)} y`, 'x'.repeat(49)],
  ])('makes %j %j', (name, slug) => {
    expect(agentSlug(name)).toBe(slug);
  });
});

describe('sessionKeyOf', () => {
  it('numbers from the second on', () => {
    expect([1, 2, 3].map((n) => sessionKeyOf('ada', n))).toEqual([
      'agent:ada:main',
      'agent:ada-2:main',
      'agent:ada-3:main',
    ]);
  });
});
