import { describe, expect, it } from '@jest/globals';
import { NO_REQUIREMENTS } from '../requirements.js';
import { declaredChanges, fileChanges } from './skill-diff.js';

const entry = (path: string, sha256: string, bytes: number) => ({ path, sha256, bytes });
const nothing = { network: [], read: [], write: [], env: [] };

describe('what an update of a skill changes', () => {
  it('is told file by file, without those that stay', () => {
    const before = [entry('SKILL.md', 'a', 10), entry('gone.md', 'b', 5), entry('same.md', 'c', 7)];
    const after = [entry('SKILL.md', 'd', 12), entry('new.md', 'e', 1), entry('same.md', 'c', 7)];
    expect(fileChanges(before, after)).toEqual([
      { path: 'SKILL.md', change: 'changed', bytesBefore: 10, bytesAfter: 12 },
      { path: 'gone.md', change: 'removed', bytesBefore: 5, bytesAfter: null },
      { path: 'new.md', change: 'added', bytesBefore: null, bytesAfter: 1 },
    ]);
    expect(fileChanges(before, before)).toEqual([]);
  });

  it('is told of each permission and requirement that comes or goes', () => {
    const before = { permissions: { ...nothing, network: ['a.dev', 'b.dev'] }, requirements: NO_REQUIREMENTS };
    const after = {
      permissions: { ...nothing, network: ['b.dev', 'c.dev'], env: ['KEY'] },
      requirements: { ...NO_REQUIREMENTS, npm: ['cowsay@1.6.0'] },
    };
    expect(declaredChanges(before, after)).toEqual([
      { what: 'permissions.network', added: ['c.dev'], removed: ['a.dev'] },
      { what: 'permissions.env', added: ['KEY'], removed: [] },
      { what: 'requirements.npm', added: ['cowsay@1.6.0'], removed: [] },
    ]);
    expect(declaredChanges(after, after)).toEqual([]);
  });
});
