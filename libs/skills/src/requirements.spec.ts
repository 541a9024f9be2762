import { describe, expect, it } from '@jest/globals';
import type { AgentTools } from '#libs/containers';
import { toolsDigest } from '#libs/containers';
import { readFrontMatter } from './front-matter.js';
import { NO_REQUIREMENTS, type SkillRequirements } from './requirements.js';
import { BuiltTools, ManualTools, toolRequestOf } from './skill-tools.js';

const read = (lines: string): SkillRequirements =>
  readFrontMatter(`---\nname: a\ndescription: b\n${lines}\n---\nText`).requirements;
const block = (lines: string): SkillRequirements => read(`requirements: {${lines}}`);
const signal = new AbortController().signal;

describe('the requirements of a skill', () => {
  it('are read from their own block, sorted and without doubles', () => {
    expect(
      block(
        'bins: [jq, cowsay], env: API_KEY, npm: ["cowsay@1.6.0", "@a/b", cowsay@1.6.0], pip: ["httpie==3.2.4", "x[y]>=1"], ' +
          'go: [example.com/tool/cmd/tool, example.com/other@v1.2.3], apt: [jq=1.6-2, "libstdc++6"], manual: [Sign in once]',
      ),
    ).toEqual({
      bins: ['cowsay', 'jq'],
      env: ['API_KEY'],
      npm: ['@a/b', 'cowsay@1.6.0'],
      pip: ['httpie==3.2.4', 'x[y]>=1'],
      go: ['example.com/other@v1.2.3', 'example.com/tool/cmd/tool@latest'],
      apt: ['jq=1.6-2', 'libstdc++6'],
      manual: ['Sign in once'],
    });
  });

  it('are read from what skills for OpenClaw say, by the first step that can be carried out', () => {
    const metadata = {
      openclaw: {
        requires: { bins: ['gh'], env: ['GH_TOKEN'] },
        install: [
          { kind: 'brew', formula: 'gh', bins: ['gh'] },
          { kind: 'apt', package: 'gh', bins: ['gh'] },
          { kind: 'node', package: 'gh' },
        ],
      },
    };
    expect(read(`metadata: ${JSON.stringify(metadata)}`)).toEqual({
      ...NO_REQUIREMENTS,
      bins: ['gh'],
      env: ['GH_TOKEN'],
      apt: ['gh'],
    });
    const brew = { openclaw: { install: [{ kind: 'brew', formula: 'gh' }] } };
    expect(read(`metadata: ${JSON.stringify(brew)}`).manual).toEqual(['Install gh (brew)']);
  });

  it.each([
    ['an option', 'npm: ["--ignore-scripts=false"]'],
    ['an address', 'npm: ["git+ssh://example.com/x"]'],
    ['a folder', 'npm: ["../x"]'],
    ['an alias', 'npm: ["x@npm:y"]'],
    ['an address for pip', 'pip: ["x @ https://example.com/x.whl"]'],
    ['an option for pip', 'pip: ["-r"]'],
    ['a module without a domain', 'go: [fmt]'],
    ['a path upwards', 'go: ["example.com/../x@v1"]'],
    ['an option for apt', 'apt: ["-o"]'],
    ['a removal or upper case', 'apt: ["Jq"]'],
    ['a path', 'bins: ["/bin/sh"]'],
    ['a lower-case variable', 'env: [path]'],
    ['an unknown installer', 'brew: [jq]'],
    ['a number', 'apt: [7]'],
    ['too many', `npm: [${Array.from({ length: 21 }, (_, n) => `p${n}`).join(', ')}]`],
  ])('are refused with %s', (_case, lines) => {
    expect(() => block(lines)).toThrow(expect.objectContaining({ kind: 'validation' }));
  });

  it('have one digest for the same packages in another order', () => {
    const one = toolRequestOf(block('npm: [a, b], bins: [a]'));
    const other = toolRequestOf(block('bins: [a], npm: [b, a, a], env: [X]'));
    const third = toolRequestOf(block('npm: [a, b]'));
    if (!one || !other || !third) throw new Error('nothing to build');
    expect(toolsDigest(one)).toBe(toolsDigest(other));
    expect(toolsDigest(one)).not.toBe(toolsDigest(third));
    expect(toolRequestOf(block('bins: [git], env: [X]'))).toBeUndefined();
  });
});

describe('what becomes of them', () => {
  const needs = block('npm: [a], bins: [a], env: [KEY], manual: [Sign in once]');
  const tools = (methods: AgentTools['methods']): AgentTools => ({
    methods,
    build: (request) => Promise.resolve(toolsDigest(request)),
    present: () => Promise.resolve([]),
    sweep: () => Promise.resolve(0),
  });
  const all = ['Install with npm: a', 'Have on the PATH: a', 'Sign in once', 'Store as secrets of the agent: KEY'];

  it('is told to people where nothing is built', async () => {
    expect(await new ManualTools().build(needs)).toEqual({ digest: null, manual: all });
  });

  it('is built where the host has a registry, else told', async () => {
    const options = { signal, log: () => undefined };
    expect(await new BuiltTools(tools(['npm'])).build(needs, options)).toEqual({
      digest: expect.stringMatching(/^[0-9a-f]{32}$/),
      manual: all.slice(2),
    });
    expect(await new BuiltTools(tools(['pip'])).build(needs, options)).toEqual({ digest: null, manual: all });
    expect((await new BuiltTools(tools(['npm'])).build(block('bins: [git]'), options)).manual).toEqual([
      'Have on the PATH: git',
    ]);
  });
});
