import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT } from './environment.mjs';
import { librariesOf } from './image-layer.mjs';

const COMMANDS = [
  'cat',
  'cp',
  'cut',
  'date',
  'env',
  'grep',
  'head',
  'ls',
  'mkdir',
  'mv',
  'rm',
  'sed',
  'sort',
  'tail',
  'tr',
];
COMMANDS.push('uniq', 'wc');
/** Parts of Python that no tool needs. */
const NOT_NEEDED =
  /\/(__pycache__|test|tests|idlelib|lib2to3|turtledemo|tkinter|ensurepip|config-[^/]+|(_test|_xx|xx|_curses|_dbm|nis|ossaudio|readline)[^/]*\.so)$/;
const APT_METHODS = ['http', 'https', 'gpgv', 'store', 'copy', 'file', 'rred'];
const GO_ARCH = { x64: 'amd64', arm64: 'arm64' };
/** Of the packages that the image of agents stands for, so that apt need not bring them. */
const KNOWN_PACKAGES =
  /^(libc6|libc-bin|libgcc-s1|gcc-12-base|libstdc\+\+6|zlib1g|libexpat1|dash|coreutils|python3|python3-minimal|python3\.\d+(-minimal)?|libpython3\.?\d*-(minimal|stdlib))$/;

/** What scripts of skills count on: a shell, the usual commands and, where this machine has it, Python. */
export function scriptPrograms(layer) {
  const [shell = ''] = ['/bin/dash', '/bin/bash', '/bin/sh'].filter((path) => fs.existsSync(path));
  layer.programs({ '/bin/sh': shell });
  for (const name of COMMANDS) {
    const path = programOf(name);
    if (path !== undefined) layer.programs({ [`/usr/bin/${name}`]: path });
  }
  return python(layer);
}

/** Python as this machine has it, without what is only for developers. */
export function python(layer) {
  if (!fs.existsSync('/usr/bin/python3')) return layer;
  const real = fs.realpathSync('/usr/bin/python3');
  const library = join('/usr/lib', real.slice(real.lastIndexOf('/') + 1));
  if (!fs.existsSync(library)) return layer;
  layer.programs({ '/usr/bin/python3': real });
  layer.tree(library, library, (path) => !NOT_NEEDED.test(path) && !path.endsWith('.pyc'));
  const modules = join(library, 'lib-dynload');
  for (const name of fs.existsSync(modules) ? fs.readdirSync(modules) : []) {
    if (NOT_NEEDED.test(`/${name}`)) continue;
    for (const path of librariesOf(join(modules, name))) layer.file(path, path, 0o755);
  }
  return layer;
}

/** The installers of npm, Python, Debian and, where this machine has it, Go, with the program that runs them. */
export function toolsImage(layer) {
  const npm = npmFolder();
  layer.tree('/usr/local/lib/npm', npm, (path) => !/\/(docs|man|test)$/.test(path));
  layer.text('/usr/local/bin/npm', '#!/bin/sh\nexec node /usr/local/lib/npm/bin/npm-cli.js "$@"\n', 0o755);
  pip(layer);
  apt(layer);
  go(layer);
  return layer.file('/opt/build-tools.mjs', join(ROOT, 'docker/tools/build-tools.mjs'));
}

function npmFolder() {
  const beside = [
    join(dirname(process.execPath), '../lib/node_modules/npm'),
    '/usr/lib/node_modules/npm',
    '/usr/share/nodejs/npm',
  ];
  const found = beside.find((path) => fs.existsSync(join(path, 'bin/npm-cli.js')));
  if (found === undefined) throw new Error('There is no npm here: the image of tools needs one');
  return found;
}

function pip(layer) {
  const packages = '/usr/lib/python3/dist-packages';
  if (!fs.existsSync(join(packages, 'pip'))) return;
  layer.tree(`${packages}/pip`, join(packages, 'pip'), (path) => !NOT_NEEDED.test(path));
  for (const name of fs.readdirSync(packages)) {
    if (/^pip-.*(dist|egg)-info$/.test(name)) layer.tree(`${packages}/${name}`, join(packages, name));
  }
}

function apt(layer) {
  if (!fs.existsSync('/usr/bin/apt-get') || !fs.existsSync('/var/lib/dpkg/status')) return;
  for (const name of ['apt-get', 'apt-config', 'dpkg', 'dpkg-deb', 'gpgv', 'tar']) {
    const path = programOf(name);
    if (path !== undefined) layer.programs({ [`/usr/bin/${name}`]: path });
  }
  for (const name of APT_METHODS) {
    const path = join('/usr/lib/apt/methods', name);
    if (fs.existsSync(path)) layer.programs({ [path]: path });
  }
  layer.folder('/etc/apt/apt.conf.d').folder('/var/lib/dpkg').text('/var/lib/dpkg/status', '');
  if (fs.existsSync('/usr/share/keyrings')) layer.tree('/usr/share/keyrings', '/usr/share/keyrings');
  for (const part of ['cputable', 'ostable', 'tupletable', 'abitable']) {
    const path = `/usr/share/dpkg/${part}`;
    if (fs.existsSync(path)) layer.file(path, path);
  }
  layer.text('/usr/share/rookery/dpkg-status', knownPackages());
}

const programOf = (name) =>
  ['/usr/bin', '/bin'].map((folder) => join(folder, name)).find((path) => fs.existsSync(path));

/** Without what they depend on, which the image has in another way. */
function knownPackages() {
  const paragraphs = fs.readFileSync('/var/lib/dpkg/status', 'utf8').split('\n\n');
  const known = paragraphs.filter((text) => KNOWN_PACKAGES.test(/^Package: (.+)$/m.exec(text)?.[1] ?? ''));
  return known.map((text) => `${text.replaceAll(/^(Pre-)?Depends: .*\n/gm, '')}\n\n`).join('');
}

function go(layer) {
  if (!fs.existsSync('/usr/bin/go')) return;
  const root = execFileSync('/usr/bin/go', ['env', 'GOROOT'], {
    encoding: 'utf8',
    env: { HOME: '/tmp', PATH: process.env.PATH },
  }).trim();
  const wanted = (path) => !/\/(testdata|cmd)$|_test\.go$/.test(path) || path.includes('/pkg/tool');
  for (const part of ['bin', 'src', 'pkg/tool', 'pkg/include', `pkg/${process.platform}_${GO_ARCH[process.arch]}`]) {
    const from = join(root, part);
    if (fs.existsSync(from)) layer.tree(from, fs.realpathSync(from), wanted);
  }
  layer.file(join(root, 'VERSION'), join(root, 'VERSION')).link('/usr/local/bin/go', join(root, 'bin/go'));
}
