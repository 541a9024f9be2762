import { buffer, text } from 'node:stream/consumers';
import type Docker from 'dockerode';
import { extract, type Header, pack } from 'tar-stream';
import type { ContainerSpec, WorkspaceFile } from '../container-runtime.js';
import { isWorkspacePath } from '../spec-checks.js';
import { unlessMissing } from './engine-errors.js';
import { AGENT_UID, agentObject, LABELS, WORKSPACE } from './naming.js';

/** Which files the last spec wrote, kept in the workspace itself. */
export const MANIFEST = '.rookery/files.json';
const OWN = `require('node:fs').chownSync('${WORKSPACE}', ${AGENT_UID}, ${AGENT_UID});`;
const REMOVE = `const { rmSync } = require('node:fs');
for (const path of process.argv.slice(1)) rmSync('${WORKSPACE}/' + path, { recursive: true, force: true });`;

/** What a container is for that has nothing but a workspace. */
type HelperKind = 'reader' | 'owner' | 'placer' | 'eraser' | 'remover';

/** What `fill` writes. */
interface Filling {
  readonly files: readonly WorkspaceFile[];
  /** Written after the files, and not known as the spec's. */
  readonly marks: readonly WorkspaceFile[];
  /** Nothing is in the workspace yet. */
  readonly isNew: boolean;
}

/** Agents' workspaces: one volume each, filled through the engine's archive calls while the agent does not run. */
export class WorkspaceVolumes {
  constructor(
    private readonly docker: Docker,
    private readonly hostId: string,
  ) {}

  /** @returns true when there was none before. */
  async ensure(agentId: string): Promise<boolean> {
    const isNew = !(await this.exists(agentId));
    const Labels = { [LABELS.host]: this.hostId, [LABELS.agent]: agentId };
    await this.docker.createVolume({ Name: agentObject(agentId), Labels });
    return isNew;
  }

  async exists(agentId: string): Promise<boolean> {
    return (await unlessMissing(this.docker.getVolume(agentObject(agentId)).inspect())) !== undefined;
  }

  /** A volume that an image without this folder is the first to mount belongs to root: hands it to the agent's user. */
  async own(agentId: string, image: string): Promise<void> {
    await this.run('owner', agentId, image, [OWN], { User: '0:0', HostConfig: { CapAdd: ['CHOWN'] } });
  }

  async remove(agentId: string): Promise<void> {
    await this.removeHelpers(agentId);
    await unlessMissing(this.docker.getVolume(agentObject(agentId)).remove({ force: true }));
  }

  /** Agents with a workspace on this host. */
  async agents(): Promise<string[]> {
    const filters = { label: [`${LABELS.host}=${this.hostId}`, LABELS.agent] };
    const { Volumes } = await this.docker.listVolumes({ filters });
    return (Volumes ?? []).flatMap(({ Labels }) => Labels?.[LABELS.agent] ?? []);
  }

  /** What the agent's workspace can be reached through; undefined when there is no workspace. To be closed. */
  async open(
    agentId: string,
    image: string,
  ): Promise<{ container: Docker.Container; close(): Promise<void> } | undefined> {
    const own = this.docker.getContainer(agentObject(agentId));
    if (await unlessMissing(own.inspect())) return { container: own, close: () => Promise.resolve() };
    if (!(await this.exists(agentId))) return undefined;
    const container = await this.makeHelper('reader', agentId, { ...this.helper(agentId, image), Cmd: ['true'] });
    return { container, close: () => this.removeHelper('reader', agentId) };
  }

  /** The same for the time of `work`. */
  async through<T>(
    agentId: string,
    image: string,
    work: (container: Docker.Container | undefined) => Promise<T>,
  ): Promise<T> {
    const reader = await this.open(agentId, image);
    try {
      return await work(reader?.container);
    } finally {
      await reader?.close();
    }
  }

  /** In the place of one that a killed worker left. */
  private async makeHelper(
    kind: HelperKind,
    agentId: string,
    options: Docker.ContainerCreateOptions,
  ): Promise<Docker.Container> {
    await this.removeHelper(kind, agentId);
    return this.docker.createContainer({ ...options, name: helperName(kind, agentId) });
  }

  private async removeHelper(kind: HelperKind, agentId: string): Promise<void> {
    await unlessMissing(this.docker.getContainer(helperName(kind, agentId)).remove({ force: true }));
  }

  /** All that still hold the workspace: the engine keeps a volume as long as somebody does. */
  private async removeHelpers(agentId: string): Promise<void> {
    const filters = { volume: [agentObject(agentId)], label: [`${LABELS.host}=${this.hostId}`] };
    for (const { Id } of await this.docker.listContainers({ all: true, filters }))
      await unlessMissing(this.docker.getContainer(Id).remove({ force: true }));
  }

  /** A container that has nothing but the workspace. */
  private helper(agentId: string, image: string): Docker.ContainerCreateOptions {
    return {
      Image: image,
      Entrypoint: ['node'],
      User: `${AGENT_UID}:${AGENT_UID}`,
      Labels: { [LABELS.host]: this.hostId },
      HostConfig: {
        CapDrop: ['ALL'],
        SecurityOpt: ['no-new-privileges'],
        ReadonlyRootfs: true,
        NetworkMode: 'none',
        Mounts: [{ Type: 'volume', Source: agentObject(agentId), Target: WORKSPACE }],
      },
    };
  }

  /**
   * Writes the files into a container that does not run, and removes those the spec before had and this one has not.
   * Each look into a container takes the engine a quarter of a second: none is taken where all is new, and the marks come with the files.
   */
  async fill(
    container: Docker.Container,
    { agentId, image }: Pick<ContainerSpec, 'agentId' | 'image'>,
    { files, marks, isNew }: Filling,
  ): Promise<void> {
    const former = isNew ? [] : await manifestOf(container);
    const kept = new Set(files.map(({ path }) => path));
    const stale = former.filter((path) => !kept.has(path));
    if (stale.length > 0) await this.removeFiles(agentId, image, stale);
    if (files.length + former.length + marks.length === 0) return;
    await container.putArchive(await archiveOf(files, marks), { path: WORKSPACE });
  }

  /** An archive can't delete, so a container of the agent's own image does, with nothing but the volume. */
  private async removeFiles(agentId: string, image: string, paths: readonly string[]): Promise<void> {
    await this.run('remover', agentId, image, [REMOVE, '--', ...paths]);
  }

  /** Runs a script in a container that has nothing but the workspace. @returns its exit code */
  async run(
    kind: Exclude<HelperKind, 'reader'>,
    agentId: string,
    image: string,
    script: string[],
    extra: Docker.ContainerCreateOptions = {},
  ): Promise<number> {
    const base = this.helper(agentId, image);
    const container = await this.makeHelper(kind, agentId, {
      ...base,
      ...extra,
      Cmd: ['-e', ...script],
      HostConfig: { ...base.HostConfig, ...extra.HostConfig },
    });
    try {
      await container.start();
      return ((await container.wait()) as { StatusCode: number }).StatusCode;
    } finally {
      await unlessMissing(container.remove({ force: true }));
    }
  }
}

/** One of a kind for a workspace, so that one that a killed worker left is found. */
const helperName = (kind: HelperKind, agentId: string): string => `${agentObject(agentId)}-${kind}`;

/** Files with every folder above them, so that a link in a folder's place gives way to a folder. */
function archiveOf(files: readonly WorkspaceFile[], marks: readonly WorkspaceFile[]): Promise<Buffer> {
  const archive = pack();
  const owner = { uid: AGENT_UID, gid: AGENT_UID, mtime: new Date() };
  const manifest = { path: MANIFEST, content: JSON.stringify(files.map(({ path }) => path)) };
  const folders = new Set<string>();
  for (const { path, content } of [...files, manifest, ...marks]) {
    for (const folder of foldersOf(path)) {
      if (!folders.has(folder)) archive.entry({ ...owner, name: `${folder}/`, type: 'directory', mode: 0o700 });
      folders.add(folder);
    }
    archive.entry({ ...owner, name: path, mode: 0o600 }, content);
  }
  archive.finalize();
  return buffer(archive);
}

const foldersOf = (path: string): string[] => {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
};

/** What the agent may have made of the manifest is only ever used as paths inside its own workspace. */
async function manifestOf(container: Docker.Container): Promise<string[]> {
  const stream = await unlessMissing(container.getArchive({ path: `${WORKSPACE}/${MANIFEST}` }));
  if (stream === undefined) return [];
  try {
    const paths: unknown = JSON.parse(await firstFile(stream));
    if (!Array.isArray(paths)) return [];
    return paths.filter((path): path is string => typeof path === 'string' && isWorkspacePath(path)).slice(0, 10_000);
  } catch {
    return [];
  }
}

function firstFile(stream: NodeJS.ReadableStream): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = extract();
    reader.on('entry', (header: Header, entry, next) => {
      if (header.type !== 'file' || (header.size ?? 0) > 1024 * 1024) {
        entry.resume();
        next();
        return;
      }
      text(entry).then((content) => {
        resolve(content);
        next();
      }, reject);
    });
    reader.on('finish', () => resolve(''));
    reader.on('error', reject);
    stream.on('error', reject);
    stream.pipe(reader);
  });
}
