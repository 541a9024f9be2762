import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { join, relative } from 'node:path';
import tar from 'tar-stream';
import { ROOT } from './environment.mjs';

export const LABEL = 'dev.rookery.content';
/** To be raised when images have to be made anew though their content is the same. */
const FORMAT = 1;

/** Files of one image layer. */
export class Layer {
  entries = new Map();
  lines = [];

  dockerfile(...lines) {
    this.lines.push(...lines);
    return this;
  }

  folder(path, mode = 0o755, uid = 0) {
    this.entries.set(path, { type: 'directory', mode, uid });
    return this;
  }

  text(path, content, mode = 0o644) {
    this.entries.set(path, { type: 'file', content: Buffer.from(content), mode });
    return this;
  }

  link(path, target) {
    this.entries.set(path, { type: 'symlink', target });
    return this;
  }

  /** A file with what any link leads to. */
  file(path, source, mode) {
    const real = fs.realpathSync(source);
    this.entries.set(path, {
      type: 'file',
      source: real,
      mode: mode ?? ((fs.statSync(real).mode & 0o111) === 0 ? 0o644 : 0o755),
    });
    return this;
  }

  /** A folder with everything below it that `wanted` lets through; links inside stay links. */
  tree(path, source, wanted = () => true) {
    for (const entry of fs.readdirSync(source, { withFileTypes: true })) {
      const [from, to] = [join(source, entry.name), `${path}/${entry.name}`];
      if (!wanted(from, entry)) continue;
      if (entry.isDirectory()) this.tree(to, from, wanted);
      else if (entry.isSymbolicLink() && fs.existsSync(from)) this.link(to, fs.readlinkSync(from));
      else if (entry.isFile()) this.file(to, from);
    }
    return this;
  }

  /** Programs with every library they load, at the places the loader looks. */
  programs(paths, environment = {}) {
    for (const [path, source] of Object.entries(paths)) {
      this.file(path, source, 0o755);
      for (const library of librariesOf(source, environment)) this.file(library, library, 0o755);
    }
    return this;
  }

  digest(parent) {
    const hash = createHash('sha256').update(JSON.stringify([FORMAT, parent, this.lines]));
    for (const [path, { type, mode, uid, target, content, source }] of this.sorted()) {
      hash.update(JSON.stringify([path, type, mode, uid, target, content?.toString('base64')]));
      if (source !== undefined) hash.update(fingerprint(source));
    }
    return hash.digest('hex');
  }

  /** The build context as a tar stream. */
  context(from, digest) {
    const pack = tar.pack();
    const own = this.sorted().filter(([, { uid }]) => uid);
    const chown = own.map(([path, { uid }]) => `COPY --chown=${uid}:${uid} owned${path}/ ${path}/`);
    const lines = [`FROM ${from}`, 'COPY rootfs/ /', ...chown, ...this.lines, `LABEL ${LABEL}=${digest}`, ''];
    const write = async () => {
      await add(pack, { name: 'Dockerfile' }, Buffer.from(lines.join('\n')));
      for (const [path, entry] of this.sorted())
        await addEntry(pack, `${entry.uid ? 'owned' : 'rootfs'}${path}`, entry);
      pack.finalize();
    };
    write().catch((error) => pack.destroy(error));
    return pack;
  }

  sorted() {
    return [...this.entries].sort(([a], [b]) => (a < b ? -1 : 1));
  }
}

/** The libraries a program loads, as the loader finds them. */
export function librariesOf(program, environment = {}) {
  let output;
  try {
    const env = { PATH: process.env.PATH, ...environment };
    output = execFileSync('ldd', [program], { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return [];
  }
  return [...output.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(([, path]) => path);
}

/** Content, but for what npm installed: there the lock file says what it is, and two checkouts agree. */
function fingerprint(source) {
  const inside = relative(ROOT, source);
  if (inside.startsWith('..') && source.includes('/node_modules/')) return String(fs.statSync(source).size);
  if (inside.startsWith('node_modules')) return `${lockDigest()}:${fs.statSync(source).size}`;
  return createHash('sha256').update(fs.readFileSync(source)).digest('hex');
}

let lock;

function lockDigest() {
  lock ??= createHash('sha256')
    .update(fs.readFileSync(join(ROOT, 'package-lock.json')))
    .digest('hex');
  return lock;
}

const EPOCH = new Date(0);

function add(pack, header, content) {
  return new Promise((done, fail) => {
    pack.entry({ mtime: EPOCH, ...header }, content, (error) => (error ? fail(error) : done()));
  });
}

async function addEntry(pack, name, { type, mode = 0o777, target, content, source }) {
  if (type === 'directory') return add(pack, { name, type, mode });
  if (type === 'symlink') return add(pack, { name, type, linkname: target, mode });
  return add(pack, { name, mode }, content ?? fs.readFileSync(source));
}
