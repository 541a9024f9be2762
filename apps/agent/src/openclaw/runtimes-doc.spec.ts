import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { CASES, DOC, WORLDS, houseVersion, readTable, withTable } from '../../test/runtimes-doc.js';
import { PROVEN_VERSIONS } from './openclaw-settings.js';

describe('docs/runtimes.md', () => {
  const doc = readFileSync(DOC, 'utf8');
  const table = readTable(doc);

  it('has the table its suite writes: every case of every runtime', () => {
    expect(withTable(doc, table)).toBe(doc);
    expect(Object.keys(table.outcomes)).toEqual([...WORLDS]);
    for (const world of WORLDS) expect(Object.keys(table.outcomes[world] ?? {})).toEqual([...CASES]);
  });

  it('shows every case as passed, by the versions this code names', () => {
    for (const world of WORLDS) {
      expect(Object.entries(table.outcomes[world] ?? {}).filter(([, passed]) => !passed)).toEqual([]);
      const version = table.versions[world];
      if (world.startsWith('house')) expect(version).toBe(houseVersion());
      else expect(PROVEN_VERSIONS).toContain(version);
    }
  });
});
