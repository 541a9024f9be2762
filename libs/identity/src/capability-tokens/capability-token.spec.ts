import { describe, expect, it } from '@jest/globals';
import { capabilityProblem, isCapability, scopesAmong } from './capability-token.js';

const GRANT = {
  capabilities: ['can_execute:llama-2-7b', 'can_execute:whisper', 'chat'],
  maxGpuMinutes: 60,
  maxConcurrentTasks: 3,
  dataScope: ['agent-1', 'swarm-1'],
};
const NEED = { capabilities: ['can_execute:llama-2-7b'], gpuMinutes: 30, concurrentTasks: 1, dataScope: ['agent-1'] };

describe('capabilityProblem', () => {
  it.each([
    ['what it needs', {}],
    ['exactly the boundary of GPU minutes', { gpuMinutes: 60 }],
    ['exactly the boundary of tasks', { concurrentTasks: 3 }],
    ['all capabilities and the whole data scope', { capabilities: GRANT.capabilities, dataScope: GRANT.dataScope }],
    ['nothing', { capabilities: [], gpuMinutes: 0, concurrentTasks: 0, dataScope: [] }],
  ])('allows work that needs %s', (_what, need) => {
    expect(capabilityProblem(GRANT, { ...NEED, ...need })).toBeUndefined();
  });

  it.each([
    ['missing_capability', { capabilities: ['can_execute:stable-diffusion'] }],
    ['missing_capability', { capabilities: ['can_execute:llama-2-7b', 'can_execute:llama-2-70b'] }],
    ['missing_capability', { capabilities: ['can_execute:llama-2'] }],
    ['resource_limit', { gpuMinutes: 61 }],
    ['resource_limit', { concurrentTasks: 4 }],
    ['data_scope', { dataScope: ['agent-2'] }],
    ['data_scope', { dataScope: ['agent-1', 'agent-2'] }],
    ['missing_capability', { capabilities: ['x'], gpuMinutes: 99, dataScope: ['agent-2'] }],
  ])('refuses with %s: %p', (problem, need) => {
    expect(capabilityProblem(GRANT, { ...NEED, ...need })).toBe(problem);
  });

  it('lets a token without a data scope reach everything', () => {
    expect(capabilityProblem({ ...GRANT, dataScope: [] }, { ...NEED, dataScope: ['any'] })).toBeUndefined();
  });
});

describe('capabilities', () => {
  it('are scopes, or what tasks ask of a node', () => {
    const names = [
      'agents:read',
      'can_execute:meta/llama-2-7b',
      'can_store:s3',
      '*',
      'admin',
      'agents:*',
      'can_execute:',
      'can_execute:a b',
    ];
    expect(names.filter(isCapability)).toEqual(names.slice(0, 3));
    expect(scopesAmong(names)).toEqual(['agents:read']);
  });
});
