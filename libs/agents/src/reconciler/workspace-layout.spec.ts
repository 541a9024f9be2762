import { describe, expect, it } from '@jest/globals';
import { layOut } from './workspace-layout.js';

const files = [
  { path: 'SOUL.md', content: '# Soul\n' },
  { path: 'IDENTITY.md', content: '# Identity\n' },
  { path: 'WORKFLOW.md', content: '# Workflow\n' },
  { path: 'AGENTS.md', content: '# Agents' },
];
const texts = (...given: Parameters<typeof layOut>) =>
  Object.fromEntries(layOut(...given).map(({ path, content }) => [path, content]));

describe('layOut', () => {
  it('leaves files as they are when there is nothing to add', () => {
    expect(layOut(files, { persona: null, runtime: 'house' })).toEqual(files);
  });

  it('tells the agent its persona once', () => {
    const persona = 'A dry wit.';
    expect(texts(files, { persona, runtime: 'house' })['IDENTITY.md']).toBe('# Identity\n\n## Persona\n\nA dry wit.\n');
    const told = [{ path: 'SOUL.md', content: `I am: ${persona}` }];
    expect(layOut(told, { persona, runtime: 'house' })).toEqual(told);
    expect(texts([], { persona, runtime: 'house' })).toEqual({ 'IDENTITY.md': '## Persona\n\nA dry wit.\n' });
  });

  it('gives OpenClaw AGENTS.md where its bridge does not write over it', () => {
    const laid = texts(files, { persona: null, runtime: 'openclaw' });
    expect(Object.keys(laid).sort()).toEqual(['IDENTITY.md', 'SOUL.md', 'WORKFLOW.md']);
    expect(laid['WORKFLOW.md']).toBe('# Workflow\n\n# Agents\n');
  });
});
