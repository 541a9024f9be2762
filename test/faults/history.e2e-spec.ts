import { expect, it } from '@jest/globals';
import { randomInt } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeIf, requireTool } from '#libs/testing';
import { violationsOf } from './history/checker.js';
import { grouped } from './history/grouped.js';
import { type Report, type Size, runHistory } from './history/run.js';

const { HISTORY_SEED, HISTORY_SECONDS = '32', HISTORY_CLIENTS = '6' } = process.env;
/** An even seed runs with Redis, an odd one without. */
const FIXED = 2;
const RANDOM = 2 * randomInt(1_000_000_000) + 1;
const SEEDS = HISTORY_SEED === undefined ? [FIXED, RANDOM] : HISTORY_SEED.split(',').map(Number);
const SECONDS = Number(HISTORY_SECONDS);

const say = (line: string): void => void process.stderr.write(`${line}\n`);

const counts = <T>(things: readonly T[], kindOf: (thing: T) => string): string =>
  [...grouped(things, kindOf)].map(([kind, those]) => `${those.length} ${kind}`).join(', ');

/** Everything that was done and found, to be looked at afterwards. */
function kept(size: Size, { output, ...report }: Report): string {
  const folder = mkdtempSync(join(tmpdir(), `rookery-history-seed-${size.seed}-`));
  writeFileSync(join(folder, 'report.json'), JSON.stringify(report, undefined, 1));
  writeFileSync(join(folder, 'programs.log'), output);
  return folder;
}

describeIf(process.platform === 'linux' && requireTool('redis-server'), 'random commands under random kills', () => {
  it.each(SEEDS)(
    'leave a history that can be explained, and nothing else (HISTORY_SEED=%i)',
    async (seed) => {
      const size = { seed, seconds: SECONDS, clients: Number(HISTORY_CLIENTS), slots: 5 };
      say(`history checker: HISTORY_SEED=${seed} HISTORY_SECONDS=${SECONDS} HISTORY_CLIENTS=${HISTORY_CLIENTS}`);
      const report = await runHistory(size);
      const { operations } = report.evidence;
      const faults = counts(report.faults, (fault) => ('how' in fault ? `${fault.how} ${fault.victim}` : fault.victim));
      const outcomes = counts(operations, ({ outcome }) => outcome.kind);
      say(`${operations.length} commands (${outcomes}), ${report.faults.length} faults (${faults})`);
      say(`settled in ${report.settledMs} ms, ${report.looks} looks at processes`);
      const violations = [
        ...report.unsettled.map((thing) => `Not settled within 30 s: ${thing}`),
        ...violationsOf(report.evidence),
      ];
      if (violations.length > 0) say(`HISTORY_SEED=${seed}: what was done and found is in ${kept(size, report)}`);
      expect({ seed, violations }).toEqual({ seed, violations: [] });
      expect(operations.length).toBeGreaterThan(size.clients);
      expect(report.faults.length).toBeGreaterThan(0);
    },
    (SECONDS + 180) * 1_000,
  );
});
