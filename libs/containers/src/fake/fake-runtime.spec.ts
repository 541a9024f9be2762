import { describe, expect, it } from '@jest/globals';
import { containerRuntimeConformance } from '../conformance/container-runtime.conformance-spec.js';
import { FakeHost, FakeRuntime } from './fake-runtime.js';

describe('FakeRuntime', () => {
  containerRuntimeConformance(async () => {
    const shared = new FakeHost();
    shared.absentImages.add('absent').add(`sha256:${'0'.repeat(64)}`);
    const runtime = new FakeRuntime(shared);
    return {
      worker: async () => new FakeRuntime(shared),
      base: { runtime: 'house', image: 'fake', env: {} },
      images: { other: 'other', absent: 'absent' },
      print: async (agentId, text) => runtime.print(agentId, 'info', text),
      exit: async (agentId, exitCode) => runtime.crash(agentId, { exitCode }),
      read: async (agentId, path) => shared.agents.get(agentId)?.workspace.get(path) ?? null,
      write: async (agentId, path, content) => void shared.agents.get(agentId)?.workspace.set(path, content),
      instances: async (agentId) => (shared.agents.get(agentId)?.instance?.status === 'running' ? 1 : 0),
      close: async () => undefined,
    };
  });

  it('fails where a test asks it to', async () => {
    const runtime = new FakeRuntime();
    runtime.before = (step) => {
      if (step === 'start') throw new Error('engine gone');
    };
    await expect(runtime.start('a1', new AbortController().signal)).rejects.toThrow('engine gone');
  });
});
