// Installs packages into a folder, inside the image `tools`: `TOOLS_PLAN` (JSON) says what, `TOOLS_TARGET` where. No script of a
// package runs here. The file `.complete` is written last; a folder without it is worth nothing.
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { basename, join, relative } from 'node:path';

const target = process.env.TOOLS_TARGET;
const plan = JSON.parse(process.env.TOOLS_PLAN);
const work = join(target, '.work');
const bin = join(target, 'bin');
/** Programs that every image of an agent has. */
const GIVEN = ['node', 'python3', 'sh'];
const LOOK_EVERY_MS = 2_000;

class BuildError extends Error {}

const INSTALLERS = { npm: installNpm, pip: installPip, go: installGo, apt: installApt };

/** Runs a program to its end. What it prints is this container's output. */
function run(program, args, env = {}) {
  const given = {
    PATH: process.env.PATH,
    HOME: work,
    TMPDIR: join(work, 'tmp'),
    LANG: 'C.UTF-8',
    ...proxies(),
    ...env,
  };
  const child = spawn(program, args, { cwd: work, env: given, stdio: ['ignore', 'inherit', 'inherit'] });
  let tooLarge = false;
  const watch = setInterval(() => {
    tooLarge = sizeOf(target) > plan.maxMb * 1024 * 1024;
    if (tooLarge) child.kill('SIGKILL');
  }, LOOK_EVERY_MS);
  return new Promise((done, fail) => {
    child.on('error', (error) => fail(new BuildError(`${program} could not be started: ${error.message}`)));
    child.on('close', (code, signal) => {
      if (tooLarge) fail(new BuildError(`The packages need more than ${plan.maxMb} MB`));
      else if (code !== 0) fail(new BuildError(`${program} ended with ${signal ?? `exit code ${code}`}`));
      else done();
    });
  }).finally(() => clearInterval(watch));
}

const proxies = () =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => /^(https?|no)_proxy$/i.test(name)));

async function installNpm({ packages, registry }) {
  const folder = join(target, 'npm');
  const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier', '--no-package-lock'];
  const places = [
    '--prefix',
    folder,
    '--registry',
    registry,
    '--cache',
    join(work, 'npm'),
    '--userconfig',
    join(work, 'npmrc'),
  ];
  await run('npm', ['install', ...options, ...places, '--omit=dev', '--', ...packages], {
    NPM_CONFIG_GLOBALCONFIG: join(work, 'globalrc'),
  });
  offer(join(folder, 'node_modules', '.bin'), link);
}

async function installPip({ packages, registry }) {
  const folder = join(target, 'pip');
  const { hostname, port, protocol } = new URL(registry);
  const trusted = protocol === 'http:' ? ['--trusted-host', port === '' ? hostname : `${hostname}:${port}`] : [];
  const options = [
    '--only-binary',
    ':all:',
    '--no-input',
    '--no-cache-dir',
    '--disable-pip-version-check',
    '--progress-bar',
    'off',
  ];
  const places = ['--target', folder, '--index-url', registry, ...trusted];
  await run('python3', ['-m', 'pip', 'install', ...options, ...places, ...packages], { PIP_CONFIG_FILE: '/dev/null' });
  offer(join(folder, 'bin'), (path) =>
    isScript(path, 'python') ? wrapper(path, { PYTHONPATH: folder }, 'python3') : link(path),
  );
}

async function installGo({ packages, registry }) {
  const folder = join(target, 'go');
  const env = {
    GOPROXY: registry,
    GOSUMDB: 'off',
    GOFLAGS: '-modcacherw -trimpath',
    GOTOOLCHAIN: 'local',
    CGO_ENABLED: '0',
    GOBIN: folder,
    GOPATH: join(work, 'go'),
    GOCACHE: join(work, 'go-build'),
    GOENV: 'off',
  };
  for (const name of packages) await run('go', ['install', name], env);
  offer(folder, link);
}

/** Download and unpack: no script of a package runs, nothing is configured. */
async function installApt({ packages, registry }) {
  const [folder, state] = [join(target, 'apt'), join(work, 'apt')];
  for (const part of ['lists/partial', 'archives/partial', 'etc/preferences.d', 'etc/apt.conf.d'])
    fs.mkdirSync(join(state, part), { recursive: true });
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(join(state, 'etc/sources.list'), `deb ${registry}\n`);
  const known = '/usr/share/rookery/dpkg-status';
  fs.copyFileSync(fs.existsSync(known) ? known : '/dev/null', join(state, 'status'));
  const settings = [
    ['Dir::Etc', join(state, 'etc')],
    ['Dir::Etc::sourcelist', join(state, 'etc/sources.list')],
    ['Dir::Etc::sourceparts', '-'],
    ['Dir::Etc::trustedparts', '/usr/share/keyrings'],
    ['Dir::State', state],
    ['Dir::State::status', join(state, 'status')],
    ['Dir::Cache', state],
    ['Dir::Log', state],
    ['APT::Sandbox::User', ''],
    ['APT::Install-Recommends', 'false'],
    ['APT::Update::Error-Mode', 'any'],
    ['Acquire::Languages', 'none'],
    ['Acquire::Retries', '1'],
  ].flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  await run('apt-get', [...settings, '-q', 'update']);
  await run('apt-get', [...settings, '-q', '-y', '--download-only', 'install', ...packages]);
  const archives = fs.readdirSync(join(state, 'archives')).filter((name) => name.endsWith('.deb'));
  if (archives.length === 0) throw new BuildError('apt-get downloaded nothing: the image has these packages already');
  for (const name of archives) await run('dpkg-deb', ['--extract', join(state, 'archives', name), folder]);
  offerApt(folder);
}

function offerApt(folder) {
  const lib = ['usr/lib', 'lib'].map((path) => join(folder, path)).filter((path) => fs.existsSync(path));
  const triplets = lib.flatMap((path) =>
    fs
      .readdirSync(path)
      .filter((name) => /-linux-gnu/.test(name))
      .map((name) => join(path, name)),
  );
  const libraries = [...triplets, ...lib].join(':');
  for (const path of ['usr/local/bin', 'usr/bin', 'bin', 'usr/games', 'usr/sbin', 'sbin']) {
    // by their own path, from which programs of a Debian package may find their other files
    offer(join(folder, path), (program) => wrapper(program, libraries === '' ? {} : { LD_LIBRARY_PATH: libraries }));
  }
}

/** Puts every program of a folder into `bin`, by the way `how` says. */
function offer(folder, how) {
  if (!fs.existsSync(folder)) return;
  for (const name of fs.readdirSync(folder)) {
    const path = join(folder, name);
    // a link that leads out of the tools would lead elsewhere in an agent's container
    const real = fs.existsSync(path) ? fs.realpathSync(path) : '';
    if (!real.startsWith(`${target}/`) || !fs.statSync(real).isFile() || (fs.statSync(real).mode & 0o111) === 0)
      continue;
    if (!fs.existsSync(join(bin, name))) how(path);
  }
}

const link = (path) => fs.symlinkSync(relative(bin, path), join(bin, basename(path)));

function wrapper(path, variables, interpreter) {
  const assigned = Object.entries(variables).map(([name, value]) => `${name}=${quoted(value)}\${${name}:+:$${name}}`);
  const command = [...assigned, 'exec', ...(interpreter === undefined ? [] : [interpreter]), quoted(path), '"$@"'];
  fs.writeFileSync(join(bin, basename(path)), `#!/bin/sh\n${command.join(' ')}\n`, { mode: 0o755 });
}

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

function isScript(path, interpreter) {
  const head = Buffer.alloc(200);
  const file = fs.openSync(path, 'r');
  fs.readSync(file, head, 0, head.length, 0);
  fs.closeSync(file);
  const [line] = head.toString('latin1').split('\n');
  return line.startsWith('#!') && line.includes(interpreter);
}

function sizeOf(folder) {
  let size = 0;
  for (const entry of fs.readdirSync(folder, { withFileTypes: true, recursive: true })) {
    const found = entry.isFile()
      ? fs.lstatSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })
      : undefined;
    size += found?.size ?? 0;
  }
  return size;
}

async function build() {
  for (const folder of [bin, join(work, 'tmp')]) fs.mkdirSync(folder, { recursive: true });
  for (const [method, install] of Object.entries(INSTALLERS)) {
    const part = plan.methods[method];
    if (part === undefined) continue;
    process.stdout.write(`${method}: ${part.packages.join(' ')}\n`);
    await install(part);
  }
  const missing = plan.bins.filter((name) => !GIVEN.includes(name) && !fs.existsSync(join(bin, name)));
  if (missing.length > 0) throw new BuildError(`The packages bring no program ${missing.join(', ')}`);
  fs.rmSync(work, { recursive: true, force: true });
  if (sizeOf(target) > plan.maxMb * 1024 * 1024) throw new BuildError(`The packages need more than ${plan.maxMb} MB`);
  const mark = fs.openSync(join(target, '.complete'), 'w');
  fs.writeSync(mark, `${JSON.stringify({ programs: fs.readdirSync(bin).sort() })}\n`);
  fs.fsyncSync(mark);
}

try {
  await build();
} catch (error) {
  process.stdout.write(`${error instanceof BuildError ? error.message : `The build failed: ${error.message}`}\n`);
  process.exitCode = 1;
}
