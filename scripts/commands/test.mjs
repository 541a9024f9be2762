import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bold, dim, say } from '../lib/console.mjs';
import { ROOT } from '../lib/environment.mjs';
import { PROGRAMS } from '../lib/programs.mjs';
import { built, captured, findNode, installed } from '../lib/toolchain.mjs';

const PROJECTS = ['unit', 'medium', 'contract', 'privileged', 'system'];
const bin = (path) => join(ROOT, 'node_modules', path);

/** Checks of the source, run two at a time; each counts as one test. */
const CHECKS = [
  { name: 'types', args: [bin('typescript/bin/tsc'), '--noEmit', '-p', 'tsconfig.json', '--incremental', 'false'] },
  { name: 'lint', args: [bin('eslint/bin/eslint.js'), '--max-warnings', '0', '.'] },
  { name: 'format', args: [bin('prettier/bin/prettier.cjs'), '--check', '--log-level', 'warn', '.'] },
  {
    name: 'imports',
    args: [
      bin('dependency-cruiser/bin/dependency-cruise.mjs'),
      '--config',
      '.dependency-cruiser.cjs',
      'apps',
      'libs',
      'test',
    ],
  },
];

/**
 * The whole proof, or the jest projects named. The last line is `N passed, N failed, N skipped`.
 * @returns 1 when anything failed
 */
export async function run(words) {
  const began = Date.now();
  const projects = words.filter((word) => PROJECTS.includes(word));
  const rest = words.filter((word) => !PROJECTS.includes(word));
  await installed();
  const node = findNode();
  const counts = { passed: 0, failed: 0, skipped: 0 };
  if (projects.length === 0) await checkSource(node, counts);
  for (const project of projects.length > 0 ? projects : PROJECTS) await runProject(node, project, rest, counts);
  say(dim(`${Math.round((Date.now() - began) / 1000)} s`));
  say(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  return counts.failed > 0 ? 1 : 0;
}

async function checkSource(node, counts) {
  await check('build', counts, async () => ({ code: 0, output: (await built(node)) ?? '' }));
  const waiting = [...CHECKS, { name: 'openapi', args: [PROGRAMS.openapi, '--check'] }];
  const lane = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const { name, args } = next;
      await check(name, counts, () => captured(node, ['--no-warnings', ...args]));
    }
  };
  await Promise.all([lane(), lane()]);
}

async function check(name, counts, work) {
  const began = Date.now();
  const { code, output } = await work().catch((error) => ({ code: 1, output: error.message }));
  say(`${code === 0 ? 'ok  ' : 'FAIL'} ${name} ${dim(`${((Date.now() - began) / 1000).toFixed(1)} s`)}`);
  if (code === 0) counts.passed += 1;
  else {
    counts.failed += 1;
    say(output.trim());
  }
}

async function runProject(node, project, rest, counts) {
  say(`\n${bold(project)}`);
  const file = join(tmpdir(), `rookery-${project}-${process.pid}.json`);
  const workers = project === 'unit' || project === 'medium' || project === 'contract' ? '2' : '1';
  const args = ['--selectProjects', project, '--ci', '--passWithNoTests', '--maxWorkers', workers];
  const report = ['--json', '--outputFile', file];
  const code = await jest(node, [...args, ...report, ...rest]);
  try {
    add(counts, JSON.parse(fs.readFileSync(file, 'utf8')), code);
  } catch {
    if (code === 0) return;
    say(`jest ended with ${code} and no report`);
    counts.failed += 1;
  } finally {
    fs.rmSync(file, { force: true });
  }
}

function jest(node, args) {
  return new Promise((resolve) => {
    const child = spawn(node, ['--no-warnings', bin('jest/bin/jest.js'), ...args], {
      cwd: ROOT,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    child.on('error', () => resolve(127));
    child.on('close', (code) => resolve(code ?? 1));
  });
}

/** A suite that could not even be loaded, and a run that failed without a failed test, each count as one failure. */
function add(counts, report, code) {
  counts.passed += report.numPassedTests;
  const failed = report.numFailedTests + report.numRuntimeErrorTestSuites;
  counts.failed += failed === 0 && code !== 0 ? 1 : failed;
  counts.skipped += report.numPendingTests + report.numTodoTests;
  for (const suite of report.testResults) {
    const skipped = suite.assertionResults.filter(({ status }) => status === 'pending');
    const names = new Set(skipped.map(({ ancestorTitles, title }) => ancestorTitles[0] ?? title));
    for (const name of names) say(`skipped: ${name} ${dim(suite.name.slice(ROOT.length + 1))}`);
  }
}
