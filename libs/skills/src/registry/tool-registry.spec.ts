import { describe, expect, it } from '@jest/globals';
import { toolsDigest } from '#libs/containers';
import { parseSkill } from '../skill-folder.js';
import { skillOf } from './attached-tools.js';
import { INSTALL_METHODS } from './registry-tool.js';
import { TOOL_REGISTRY, handCommand, requestOf, toolOf } from './tool-registry.js';

describe('the registry of tools', () => {
  it('has at least 27, each once, by every method', () => {
    const names = TOOL_REGISTRY.map(({ name }) => name);
    expect(names.length).toBeGreaterThanOrEqual(27);
    expect(new Set(names).size).toBe(names.length);
    expect(new Set(TOOL_REGISTRY.map(({ bin }) => bin)).size).toBe(names.length);
    expect(new Set(TOOL_REGISTRY.map(({ method }) => method))).toEqual(new Set(INSTALL_METHODS));
  });

  it.each(TOOL_REGISTRY)('says how $name is installed and where to read of it', (tool) => {
    expect(tool.name).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
    expect(tool.docs).toMatch(/^https:\/\/[a-z0-9.-]+\.[a-z]+(\/\S*)?$/);
    expect(tool.package === null).toBe(tool.method === 'manual');
    expect(tool.requirements.length).toBeGreaterThan(0);
    if (tool.method === 'go') expect(tool.package).toMatch(/^[a-z.]+\/\S+@v\d+\.\d+\.\d+$/);
  });

  it.each(TOOL_REGISTRY)('tells an agent of $name as a skill that may run its program', (tool) => {
    const skill = parseSkill([{ path: 'SKILL.md', content: skillOf(tool) }]);
    expect([skill.id, skill.requirements.bins]).toEqual([tool.name, [tool.bin]]);
  });

  it('builds a tool anew under another revision', () => {
    const tool = toolOf('prettier')!;
    const digests = [requestOf(tool), requestOf(tool), requestOf(tool, 'a'), requestOf(tool, 'b')].map(toolsDigest);
    expect(digests[0]).toBe(digests[1]);
    expect(new Set(digests).size).toBe(3);
  });

  it('knows what people type', () => {
    const commands = ['prettier', 'ruff', 'gron', 'ffmpeg'].map((name) => handCommand(toolOf(name)!));
    expect(commands).toEqual([
      'npm install --global prettier',
      'pip install ruff',
      'go install github.com/tomnomnom/gron@v0.7.1',
      undefined,
    ]);
    expect(() => requestOf(toolOf('ffmpeg')!)).toThrow('by people');
  });
});
