import { describe, expect, it } from '@jest/globals';
import { namedIn } from './data-scope.js';

describe('namedIn', () => {
  it.each([
    ['/v1/agents/:id/tasks/:taskId', { id: 'a', taskId: 't' }, { agents: ['a'], swarms: [] }],
    ['/v1/swarms/:id/agents/:agentId', { id: 's', agentId: 'a' }, { agents: ['a'], swarms: ['s'] }],
    ['/v1/skills/:id', { id: 'x' }, { agents: [], swarms: [] }],
    ['/v1/usage', {}, { agents: [], swarms: [] }],
  ])('finds what %s names', (template, params, named) => {
    expect(namedIn(template, params as unknown as Record<string, string>)).toEqual(named);
  });
});
