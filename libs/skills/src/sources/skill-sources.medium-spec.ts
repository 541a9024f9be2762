import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { type RequestListener, type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { Egress } from '#libs/egress';
import { PackageRegistries } from '#libs/testing';
import { MOST_ARCHIVE_BYTES } from '../skill-archive.js';
import { ArchiveSource } from './archive-source.js';
import { type Held, skillSourceConformance } from './conformance/skill-source.conformance-spec.js';
import { FolderSource } from './folder-source.js';
import { NpmSource } from './npm-source.js';

const stay = new AbortController().signal;
const SKILL = '---\nname: far\ndescription: From afar.\n---\n\nIt is.';
const OPENED = '127.0.0.1';
/** Listens where the operator has not opened anything. */
const SHUT = '127.0.0.2';

const registries = new PackageRegistries();
const handlers = new Map<string, RequestListener>();
const site: Server = createServer((request, response) => {
  const handler = handlers.get(request.url ?? '');
  if (handler) handler(request, response);
  else response.writeHead(404).end();
});
const egress = new Egress({ allowCidrs: [`${OPENED}/32`] });
let folder: string;
let sitePort: number;
let asked = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rookery-skills-'));
  await registries.start();
  await once(site.listen(0, '0.0.0.0'), 'listening');
  sitePort = (site.address() as AddressInfo).port;
});
afterAll(async () => {
  await egress.onApplicationShutdown();
  await registries.stop();
  site.closeAllConnections();
  site.close();
  await rm(folder, { recursive: true, force: true });
});

const url = (path: string, host = OPENED): string => `http://${host}:${sitePort}${path}`;
const serve = (path: string, handler: RequestListener): string => {
  handlers.set(path, handler);
  return url(path);
};
const serveBytes = (path: string, bytes: Buffer): string => serve(path, (_request, response) => response.end(bytes));

async function tarOf(held: Held, around = ''): Promise<Buffer> {
  const tar = pack();
  for (const [path, content] of Object.entries(held)) {
    const name = around + path;
    if (typeof content === 'string' || Buffer.isBuffer(content)) tar.entry({ name }, content);
    else tar.entry({ name, type: 'symlink', linkname: content.linkTo });
  }
  tar.finalize();
  return buffer(tar);
}

async function writeFolder(id: string, held: Held): Promise<void> {
  for (const [path, content] of Object.entries(held)) {
    const at = join(folder, id, path);
    await mkdir(dirname(at), { recursive: true });
    if (typeof content === 'string' || Buffer.isBuffer(content)) await writeFile(at, content);
    else await symlink(content.linkTo, at);
  }
}

const npm = (): NpmSource => new NpmSource(egress, `http://${OPENED}:${registries.port}/npm`);

for (const kind of ['verified', 'folder'] as const) {
  skillSourceConformance(kind === 'verified' ? 'the verified set' : 'a folder', () =>
    Promise.resolve({
      source: new FolderSource(kind, folder),
      put: async (id, held) => {
        await rm(join(folder, id), { recursive: true, force: true });
        await writeFolder(id, held);
        return { kind, id };
      },
      nowhere: () => ({ kind, id: 'nothing' }),
    }),
  );
}

skillSourceConformance('an npm package', () =>
  Promise.resolve({
    source: npm(),
    put: async (id, held) => {
      const tarball = gzipSync(await tarOf(held, 'package/'));
      registries.addNpmTarball(OPENED, { name: id, version: '1.0.0' }, tarball);
      return { kind: 'npm' as const, name: id, version: '1.0.0' };
    },
    nowhere: () => ({ kind: 'npm' as const, name: 'nothing', version: '1.0.0' }),
  }),
);

for (const form of ['tar', 'tar.gz'] as const) {
  skillSourceConformance(`a ${form} at an address`, () =>
    Promise.resolve({
      source: new ArchiveSource(egress),
      put: async (id, held) => {
        const tar = await tarOf(held, `${id}-main/`);
        const bytes = form === 'tar' ? tar : gzipSync(tar);
        return { kind: 'archive' as const, url: serveBytes(`/${id}.${form}`, bytes) };
      },
      nowhere: () => ({ kind: 'archive' as const, url: url('/nothing') }),
    }),
  );
}

describe('an archive at an address', () => {
  const source = new ArchiveSource(egress);
  const fetched = (address: string) => source.fetch({ kind: 'archive', url: address }, stay);
  const tooLarge = { kind: 'validation', message: expect.stringContaining(`${MOST_ARCHIVE_BYTES} bytes`) };

  it('is refused by what it says of its size, before it comes', async () => {
    let sent = 0;
    const address = serve('/said', (_request, response) => {
      response.writeHead(200, { 'content-length': 200 * 1024 * 1024 });
      const chunk = Buffer.alloc(64 * 1024);
      const more = (): void => {
        while (!response.destroyed && sent < 200 * 1024 * 1024) {
          sent += chunk.length;
          if (!response.write(chunk)) return void response.once('drain', more);
        }
      };
      more();
    });
    await expect(fetched(address)).rejects.toMatchObject(tooLarge);
    expect(sent).toBeLessThan(50 * 1024 * 1024);
  });

  it('is cut off where it comes to more than it may, whatever it says', async () => {
    const address = serve('/unsaid', (_request, response) => {
      const chunk = Buffer.alloc(64 * 1024);
      const more = (): void => {
        while (!response.destroyed && response.write(chunk)) asked += chunk.length;
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    });
    await expect(fetched(address)).rejects.toMatchObject(tooLarge);
    expect(asked).toBeLessThan(50 * 1024 * 1024);
  });

  it('is not fetched from a private address, nor by a redirect to one', async () => {
    const tar = await tarOf({ 'SKILL.md': SKILL });
    serveBytes('/private', tar);
    const redirect = serve('/redirect', (_request, response) =>
      response.writeHead(302, { location: url('/private', SHUT) }).end(),
    );
    for (const address of [
      url('/private', SHUT),
      'http://169.254.169.254/skill.tar',
      'http://[::1]/skill.tar',
      redirect,
    ]) {
      await expect(fetched(address)).rejects.toMatchObject({ kind: 'forbidden', code: 'egress_address_refused' });
    }
    expect(
      await fetched(
        serve('/good', (_request, response) => response.writeHead(302, { location: url('/private') }).end()),
      ),
    ).toHaveLength(1);
  });

  it.each(['file:///etc/passwd', 'ftp://example.com/a.tar', 'http://user:secret@example.com/', 'nonsense', ''])(
    'is no %s',
    async (address) => {
      await expect(fetched(address)).rejects.toMatchObject({ kind: 'validation' });
    },
  );

  it('is refused where it leads out of its folder, or is none', async () => {
    const wrong = [
      serveBytes('/up', await tarOf({ 'SKILL.md': SKILL, '../up.md': 'x' })),
      serveBytes('/absolute', await tarOf({ 'SKILL.md': SKILL, '/etc/cron.d/x': 'x' })),
      serveBytes('/none', Buffer.from('<html>')),
      serveBytes('/bomb', gzipSync(await tarOf({ 'SKILL.md': SKILL, 'a.md': Buffer.alloc(64 * 1024 * 1024) }))),
    ];
    for (const address of wrong) await expect(fetched(address)).rejects.toMatchObject({ kind: 'validation' });
  });

  it('may fail for now', async () => {
    const broken = serve('/broken', (_request, response) => response.writeHead(503).end());
    await expect(fetched(broken)).rejects.toMatchObject({ kind: 'upstream_failed', code: 'skill_source_failed' });
    await expect(fetched(`http://${OPENED}:1/`)).rejects.toMatchObject({ kind: 'upstream_failed' });
  });
});

describe('an npm package', () => {
  const add = async (name: string, version = '1.0.0'): Promise<void> =>
    registries.addNpm(OPENED, { name, version, files: { 'SKILL.md': SKILL } });

  it('is resolved to the version that it is now', async () => {
    await add('plain', '1.2.0');
    await add('@scope/skill', '2.0.0');
    expect(await npm().resolve('plain', stay)).toEqual({ kind: 'npm', name: 'plain', version: '1.2.0' });
    expect(await npm().resolve('plain@1.2.0', stay)).toMatchObject({ version: '1.2.0' });
    expect(await npm().resolve('plain@latest', stay)).toMatchObject({ version: '1.2.0' });
    const scoped = await npm().resolve('@scope/skill', stay);
    expect(scoped).toEqual({ kind: 'npm', name: '@scope/skill', version: '2.0.0' });
    expect(await npm().fetch(scoped, stay)).toEqual(expect.arrayContaining([{ path: 'SKILL.md', content: SKILL }]));
    for (const missing of ['plain@1.3.0', 'plain@next', 'plain@constructor', 'absent']) {
      await expect(npm().resolve(missing, stay)).rejects.toMatchObject({ kind: 'not_found' });
    }
    for (const wrong of [
      '',
      '@',
      'a b',
      '../x',
      'git+https://x.dev/a',
      'plain@',
      'plain@^1.0.0',
      'http://x.dev/a.tgz',
    ]) {
      await expect(npm().resolve(wrong, stay)).rejects.toMatchObject({ kind: 'validation' });
    }
  });

  it('is refused when it is not what the registry says of it', async () => {
    await add('spoilt');
    registries.redirectNpm('spoilt', `http://${OPENED}:${registries.port}/npm/-/plain-1.2.0.tgz`);
    const wrong = gzipSync(await tarOf({ 'SKILL.md': `${SKILL} Or not.` }, 'package/'));
    registries.redirectNpm('spoilt', serveBytes('/spoilt.tgz', wrong));
    await expect(npm().fetch({ kind: 'npm', name: 'spoilt', version: '1.0.0' }, stay)).rejects.toMatchObject({
      code: 'skill_content_changed',
    });
  });

  it('is not fetched from a private address that the registry names', async () => {
    await add('inward');
    registries.redirectNpm('inward', url('/private', SHUT));
    await expect(npm().fetch({ kind: 'npm', name: 'inward', version: '1.0.0' }, stay)).rejects.toMatchObject({
      code: 'egress_address_refused',
    });
  });

  it('fails for now where the registry says nothing sensible', async () => {
    const registry = new NpmSource(egress, url('/odd'));
    serveBytes('/odd/text', Buffer.from('<html>'));
    serveBytes('/odd/empty', Buffer.from('[]'));
    serveBytes('/odd/bare', Buffer.from('{"versions":{"1.0.0":{"dist":{"tarball":7}}}}'));
    await expect(registry.resolve('text', stay)).rejects.toMatchObject({ kind: 'upstream_failed' });
    await expect(registry.resolve('empty', stay)).rejects.toMatchObject({ kind: 'not_found' });
    const bare = registry.fetch({ kind: 'npm', name: 'bare', version: '1.0.0' }, stay);
    await expect(bare).rejects.toMatchObject({ kind: 'upstream_failed' });
  });
});
