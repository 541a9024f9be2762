import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openclawPackage } from './openclaw-program.js';

describe('where OpenClaw is', () => {
  let dir: string;

  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'rookery-openclaw-'));
    chmodSync(dir, 0o755);
    mkdirSync(join(dir, 'node_modules', 'openclaw'), { recursive: true });
    writeFileSync(join(dir, 'node_modules', 'openclaw', 'package.json'), '{}', { mode: 0o644 });
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it('is found in the folder named', () => {
    expect(openclawPackage(dir, true)).toBe(join(dir, 'node_modules', 'openclaw'));
  });

  it.each([[undefined], ['/nowhere']])('says what to run when it is not installed in %s', (where) => {
    const install = `npm install --prefix ${where ?? '<folder>'} openclaw@2026.9.6 --ignore-scripts`;
    expect(() => openclawPackage(where, false)).toThrow(
      expect.objectContaining({ code: 'config', message: expect.stringContaining(install) }),
    );
    expect(() => openclawPackage(where, false)).toThrow(/OPENCLAW_DIR=/);
  });

  it('refuses a folder that agents of another user cannot read', () => {
    chmodSync(dir, 0o700);
    expect(() => openclawPackage(dir, true)).toThrow(expect.objectContaining({ code: 'config' }));
    expect(openclawPackage(dir, false)).toContain('openclaw');
  });
});
