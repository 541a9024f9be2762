import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WorkspaceFiles } from './workspace-files.js';

describe('WorkspaceFiles', () => {
  let folder: string;
  let files: WorkspaceFiles;
  const peers = (name: string): string => readFileSync(join(folder, 'peers', name), 'utf8');

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rookery-files-'));
    mkdirSync(join(folder, 'rules'));
    writeFileSync(join(folder, 'SOUL.md'), 'You are Ada.');
    writeFileSync(join(folder, 'WORKFLOW.md'), '# Workflow');
    writeFileSync(join(folder, 'rules', 'refunds.md'), 'Ask for the receipt.');
    writeFileSync(join(folder, 'MEMORY.md'), 'the owner likes teal');
    files = new WorkspaceFiles(folder, join(folder, 'peers'));
    files.sync();
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('makes AGENTS.md of workflow and rules: by name for who can read them, in full for who cannot', () => {
    const own = readFileSync(join(folder, 'AGENTS.md'), 'utf8');
    expect(own).toContain('# Workflow');
    expect(own).toContain('- rules/refunds.md');
    expect(own).not.toContain('receipt');
    expect(peers('AGENTS.md')).toContain('Ask for the receipt.');
  });

  it('shows peers who the agent is and nothing of what it remembers', () => {
    expect(readdirSync(join(folder, 'peers')).sort()).toEqual(['AGENTS.md', 'SOUL.md']);
    expect(peers('SOUL.md')).toBe('You are Ada.');
  });

  it('follows edits and removals', () => {
    writeFileSync(join(folder, 'SOUL.md'), 'You are Bea.');
    rmSync(join(folder, 'rules', 'refunds.md'));
    files.sync();
    expect(peers('SOUL.md')).toBe('You are Bea.');
    expect(peers('AGENTS.md')).toContain('(none)');
    rmSync(join(folder, 'SOUL.md'));
    files.sync();
    expect(readdirSync(join(folder, 'peers'))).toEqual(['AGENTS.md']);
  });
});
