import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { crc32, gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';

type Files = Readonly<Record<string, string | Buffer>>;

/** A package of npm; `scripts` are those that npm would run. */
export interface NpmPackage {
  readonly name: string;
  readonly version: string;
  readonly bin?: Readonly<Record<string, string>>;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly files: Files;
}

/**
 * Package registries that speak the published protocols, over one HTTP port on every address of this machine: `/npm` an npm
 * registry, `/pip/simple` a Python index (PEP 503), `/go` a Go module proxy, `/apt` a Debian repository (suite `local`, component `main`).
 */
export class PackageRegistries {
  /** Paths that were asked for. */
  readonly requests: string[] = [];
  private readonly files = new Map<string, Buffer>();
  private readonly server: Server = createServer((request, response) => this.answer(request, response));

  async start(): Promise<this> {
    await once(this.server.listen(0, '0.0.0.0'), 'listening');
    return this;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  /** @param host under which its clients reach it, for it stands in npm's answers */
  async addNpm(host: string, { files, ...manifest }: NpmPackage): Promise<void> {
    const json = JSON.stringify(manifest);
    this.addNpmTarball(
      host,
      manifest,
      gzipSync(await tarOf({ 'package/package.json': json, ...prefixed('package/', files) })),
    );
  }

  /** A package whose tarball is given: the only version of it. */
  addNpmTarball(host: string, manifest: Omit<NpmPackage, 'files'>, tarball: Buffer): void {
    const path = `/npm/-/${manifest.name}-${manifest.version}.tgz`;
    const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
    const dist = { tarball: `http://${host}:${this.port}${path}`, integrity };
    const versions = { [manifest.version]: { ...manifest, dist } };
    const packument = { name: manifest.name, 'dist-tags': { latest: manifest.version }, versions };
    this.put(path, tarball).put(`/npm/${manifest.name}`, JSON.stringify(packument));
  }

  /** Has npm's answer about a package name another place for its tarball. */
  redirectNpm(name: string, tarball: string): void {
    const packument = String(this.files.get(`/npm/${name}`));
    this.put(`/npm/${name}`, packument.replace(/"tarball":"[^"]+"/, `"tarball":"${tarball}"`));
  }

  /** A wheel with one module, whose `main` the program `name` runs. */
  addPip(name: string, version: string, module: string): this {
    const info = `${name}-${version}.dist-info`;
    const files: Record<string, string> = {
      [`${name}/__init__.py`]: module,
      [`${info}/METADATA`]: `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n`,
      [`${info}/WHEEL`]: 'Wheel-Version: 1.0\nGenerator: rookery\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
      [`${info}/entry_points.txt`]: `[console_scripts]\n${name} = ${name}:main\n`,
    };
    const record = Object.keys(files).map((path) => `${path},,`);
    const wheel = zipOf({ ...files, [`${info}/RECORD`]: [...record, `${info}/RECORD,,`].join('\n') });
    return this.putPip(name, `${name}-${version}-py3-none-any.whl`, wheel);
  }

  /** A source distribution, which runs its `setup.py` when it is installed. */
  async addPipSource(name: string, version: string, setup: string): Promise<void> {
    const folder = `${name}-${version}/`;
    const files = { 'setup.py': setup, 'PKG-INFO': `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n` };
    this.putPip(name, `${name}-${version}.tar.gz`, gzipSync(await tarOf(prefixed(folder, files))));
  }

  addGo(module: string, version: string, files: Files): this {
    const all = { 'go.mod': `module ${module}\n\ngo 1.19\n`, ...files };
    const info = JSON.stringify({ Version: version, Time: '2026-01-01T00:00:00Z' });
    const at = `/go/${module}/@v`;
    return this.put(`${at}/list`, `${version}\n`)
      .put(`/go/${module}/@latest`, info)
      .put(`${at}/${version}.info`, info)
      .put(`${at}/${version}.mod`, String(all['go.mod']))
      .put(`${at}/${version}.zip`, zipOf(prefixed(`${module}@${version}/`, all)));
  }

  /** The only package of the repository. `files` by path from the root, each a program. */
  async setApt(name: string, version: string, files: Files, postinst: string): Promise<void> {
    const fields = { Package: name, Version: version, Architecture: 'all', Maintainer: 'Test <test@example.com>' };
    const control = Object.entries({ ...fields, Description: 'A test package' });
    const head = control.map(([key, value]) => `${key}: ${value}\n`).join('');
    const deb = arOf({
      'debian-binary': Buffer.from('2.0\n'),
      'control.tar.gz': gzipSync(await tarOf({ './control': head, './postinst': postinst })),
      'data.tar.gz': gzipSync(await tarOf(prefixed('./', files))),
    });
    const path = `pool/${name}_${version}_all.deb`;
    const packages = Buffer.from(`${head}Filename: ${path}\nSize: ${deb.length}\nSHA256: ${sha256(deb)}\n\n`);
    const listed = ['amd64', 'arm64'].map((arch) => `main/binary-${arch}/Packages`);
    const sums = listed.map((file) => ` ${sha256(packages)} ${packages.length} ${file}\n`).join('');
    const release = `Suite: local\nCodename: local\nComponents: main\nArchitectures: amd64 arm64\nDate: Thu, 01 Jan 2026 00:00:00 UTC\nSHA256:\n${sums}`;
    this.put(`/apt/${path}`, deb).put('/apt/dists/local/Release', release);
    for (const file of listed) this.put(`/apt/dists/local/${file}`, packages);
  }

  private putPip(name: string, file: string, content: Buffer): this {
    const link = `<a href="/pip/files/${file}#sha256=${sha256(content)}">${file}</a>`;
    return this.put(`/pip/files/${file}`, content).put(
      `/pip/simple/${name}/`,
      `<!DOCTYPE html><html><body>${link}</body></html>`,
    );
  }

  private put(path: string, content: string | Buffer): this {
    this.files.set(path, Buffer.from(content));
    return this;
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const path = decodeURIComponent((request.url ?? '').split('?')[0] ?? '');
    this.requests.push(path);
    const content = this.files.get(path);
    const type = path.startsWith('/pip/simple')
      ? 'text/html'
      : path.startsWith('/npm/') && !path.endsWith('.tgz')
        ? 'application/json'
        : 'application/octet-stream';
    if (content) response.writeHead(200, { 'content-type': type, 'content-length': content.length }).end(content);
    else response.writeHead(404, { 'content-type': 'text/plain' }).end('not found');
  }
}

const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

const prefixed = (prefix: string, files: Files): Record<string, string | Buffer> =>
  Object.fromEntries(Object.entries(files).map(([path, content]) => [prefix + path, content]));

function tarOf(files: Files): Promise<Buffer> {
  const archive = pack();
  for (const [name, content] of Object.entries(files))
    archive.entry({ name, mode: 0o755, mtime: new Date(0) }, content);
  archive.finalize();
  return buffer(archive);
}

/** Nothing is compressed. */
function zipOf(files: Files): Buffer {
  const [local, central]: [Buffer[], Buffer[]] = [[], []];
  let offset = 0;
  for (const [path, given] of Object.entries(files)) {
    const [name, content] = [Buffer.from(path), Buffer.from(given)];
    const head = Buffer.alloc(26);
    head.writeUInt16LE(20, 0);
    head.writeUInt16LE(0x21, 8);
    head.writeUInt32LE(crc32(content), 10);
    head.writeUInt32LE(content.length, 14);
    head.writeUInt32LE(content.length, 18);
    head.writeUInt16LE(name.length, 22);
    const entry = [Buffer.from('PK\x03\x04'), head, name, content];
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    central.push(Buffer.from('PK\x01\x02\x14\x00'), head, tail, name);
    local.push(...entry);
    offset += entry.reduce((sum, part) => sum + part.length, 0);
  }
  const [body, directory] = [Buffer.concat(local), Buffer.concat(central)];
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  for (const at of [8, 10]) end.writeUInt16LE(Object.keys(files).length, at);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(body.length, 16);
  return Buffer.concat([body, directory, end]);
}

/** The archive format of Debian packages. */
function arOf(files: Readonly<Record<string, Buffer>>): Buffer {
  const parts = Object.entries(files).flatMap(([name, content]) => {
    const head = `${name.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}${String(content.length).padEnd(10)}\`\n`;
    return [Buffer.from(head), content, Buffer.alloc(content.length % 2, '\n')];
  });
  return Buffer.concat([Buffer.from('!<arch>\n'), ...parts]);
}
