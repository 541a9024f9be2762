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
    const install = `node scripts/openclaw.mjs ${where ?? '<folder>'}`;
    expect(() => openclawPackage(where, false)).toThrow(
      expect.objectContaining({ code: 'config', message: expect.stringContaining(install) }),
    );
    expect(() => openclawPackage(where, false)).toThrow(/OPENCLAW_DIR=/);
  });

  it('refuses one whose installation agents of another user would have to complete', () => {
    const pending = join(dir, 'node_modules', 'openclaw', '.openclaw-lifecycle-pending');
    writeFileSync(pending, 'pending');
    expect(() => openclawPackage(dir, true)).toThrow(
      expect.objectContaining({ code: 'config', message: expect.stringContaining('node scripts/openclaw.mjs') }),
    );
    expect(openclawPackage(dir, false)).toContain('openclaw');
    rmSync(pending);
  });

  it('refuses a folder that agents of another user cannot read', () => {
    chmodSync(dir, 0o700);
    expect(() => openclawPackage(dir, true)).toThrow(expect.objectContaining({ code: 'config' }));
    expect(openclawPackage(dir, false)).toContain('openclaw');
  });
});
