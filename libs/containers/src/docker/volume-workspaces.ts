import { type EventEmitter, once } from 'node:events';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type Docker from 'dockerode';
import { extract, pack } from 'tar-stream';
import type {
  AgentWorkspaces,
  EraseFiles,
  PlaceFolder,
  ReadWorkspace,
  RestoreWorkspace,
  WorkspaceEntry,
} from '../agent-workspaces.js';
import type { WorkspaceFile } from '../container-runtime.js';
import { sleep } from '../waiting.js';
import { checkErasing, eraseFailed, ERASING_PROGRAM } from '../workspace/erasing.js';
import { headed } from '../workspace/headed.js';
import { ReadingLimits } from '../workspace/limits.js';
import { BACKUP_FOLDER, BACKUP_PROGRAM, isDatabase, LiveDatabases, MAGIC_BYTES } from '../workspace/live-databases.js';
import { ownFiles, PRIVATE_FOLDER } from '../workspace/own-files.js';
import { toDomainError, unlessMissing } from './engine-errors.js';
import { AGENT_UID, agentObject, WORKSPACE } from './naming.js';
import { placeInVolume } from './volume-placing.js';
import { type WorkspaceVolumes } from './workspace-volume.js';

const MARK = `${PRIVATE_FOLDER}/copy`;
const MOST_MARK_BYTES = 100;
const EXEC_POLL_MS = 100;
const EXECUTABLE = 0o100;

/** What marks a workspace, as a file of it. */
export const markFile = (mark: string): WorkspaceFile => ({ path: MARK, content: mark });

type Part = ReturnType<typeof extract> extends AsyncIterable<infer Entry> ? Entry : never;

/** Workspaces in volumes, read and written through the engine's archive calls, whether the agent runs, stands or is gone. */
export class VolumeWorkspaces implements AgentWorkspaces {
  constructor(
    private readonly docker: Docker,
    private readonly volumes: WorkspaceVolumes,
  ) {}

  async mark(agentId: string, image: string): Promise<string | null> {
    return this.guarded(() =>
      this.volumes.through(agentId, image, async (container) => {
        if (!container) return null;
        const archive = await unlessMissing(container.getArchive({ path: `${WORKSPACE}/${MARK}` }));
        return archive === undefined ? null : markIn(archive);
      }),
    );
  }

  async *read(agentId: string, options: ReadWorkspace): AsyncGenerator<WorkspaceEntry> {
    const reader = await this.guarded(() => this.volumes.open(agentId, options.image));
    if (!reader) return;
    try {
      yield* this.entries(reader.container, options);
    } catch (error) {
      throw toDomainError(error);
    } finally {
      await reader.close();
    }
  }

  restore(agentId: string, { runtime, files, mark, signal }: RestoreWorkspace): Promise<void> {
    return this.guarded(async () => {
      const archive = pack();
      archive.on('error', () => undefined);
      const stop = new AbortController();
      let broken: unknown;
      const filling = fill(archive, files, ownFiles(runtime), mark).catch((error: unknown) => {
        broken = error;
        archive.destroy();
        stop.abort();
      });
      const container = this.docker.getContainer(agentObject(agentId));
      try {
        const abortSignal = AbortSignal.any([signal, stop.signal]);
        await container.putArchive(archive as unknown as NodeJS.ReadableStream, { path: WORKSPACE, abortSignal });
      } catch (error) {
        throw broken ?? error;
      } finally {
        archive.destroy();
        await filling;
      }
    });
  }

  place(agentId: string, place: PlaceFolder): Promise<void> {
    return this.guarded(() => placeInVolume(this.volumes, agentId, place));
  }

  erase(agentId: string, { image, paths, signal }: EraseFiles): Promise<void> {
    return this.guarded(async () => {
      checkErasing(paths);
      signal.throwIfAborted();
      if (!(await this.volumes.exists(agentId))) return;
      const script = [ERASING_PROGRAM, '--', WORKSPACE, ...paths];
      if ((await this.volumes.run('eraser', agentId, image, script)) !== 0) throw eraseFailed();
    });
  }

  /** First what can be copied as it is, then the backups of what can't. */
  private async *entries(container: Docker.Container, options: ReadWorkspace): AsyncGenerator<WorkspaceEntry> {
    const running = (await container.inspect()).State.Running;
    const databases = new LiveDatabases();
    const limits = new ReadingLimits(options.mostBytes);
    const isOwn = ownFiles(options.runtime);
    const archive = await container.getArchive({ path: WORKSPACE });
    for await (const { entry, head } of this.unpacked(archive, limits, options.signal)) {
      if (!isOwn(entry.path) || databases.isCompanion(entry.path, running)) continue;
      if (isDatabase(head)) databases.add(entry.path);
      if (!running || !isDatabase(head)) yield entry;
    }
    if (!running || databases.paths.length === 0) return;
    await backUp(container, databases.paths, options.signal);
    const missing = new Set(databases.paths);
    const made = await unlessMissing(container.getArchive({ path: `${WORKSPACE}/${BACKUP_FOLDER}` }));
    if (made) {
      for await (const { entry } of this.unpacked(made, limits, options.signal))
        if (missing.delete(entry.path)) yield entry;
    }
    for (const path of missing) yield { path, sizeBytes: 0, executable: false, content: null };
    await backUp(container, [], options.signal);
  }

  /** The plain files of a folder, with paths relative to it. */
  private async *unpacked(
    archive: NodeJS.ReadableStream,
    limits: ReadingLimits,
    signal: AbortSignal,
  ): AsyncGenerator<{ entry: WorkspaceEntry; head: Buffer }> {
    const reader = extract();
    const stop = (): void => void reader.destroy(new Error('The reading of a workspace was broken off'));
    signal.addEventListener('abort', stop, { once: true });
    archive.on('error', (error: Error) => reader.destroy(error));
    reader.on('error', () => undefined);
    archive.pipe(reader);
    try {
      signal.throwIfAborted();
      // not `for await`: it would wait for the end of an archive that nobody reads any more
      const parts = reader[Symbol.asyncIterator]();
      for (let part = await parts.next(); !part.done; part = await parts.next()) {
        yield* this.opened(part.value, limits);
      }
    } finally {
      signal.removeEventListener('abort', stop);
      (archive as unknown as Readable).destroy();
      reader.destroy();
    }
  }

  private async *opened(part: Part, limits: ReadingLimits): AsyncGenerator<{ entry: WorkspaceEntry; head: Buffer }> {
    const { name, type, size = 0, mode = 0 } = part.header;
    limits.count(name, size);
    if (type !== 'file' && type !== 'contiguous-file') {
      part.resume();
      return;
    }
    const { head, content, drain } = await headed(part as AsyncIterable<Buffer>, MAGIC_BYTES);
    const executable = (mode & EXECUTABLE) !== 0;
    yield { entry: { path: withoutFirst(name), sizeBytes: size, executable, content }, head };
    await drain();
  }

  private async guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw toDomainError(error);
    }
  }
}

const withoutFirst = (name: string): string => name.slice(name.indexOf('/') + 1);

/** Runs the backup program inside, as the agent's user; the agent could do the same, so nothing is trusted to it. */
async function backUp(container: Docker.Container, paths: readonly string[], signal: AbortSignal): Promise<void> {
  const exec = await container.exec({
    Cmd: ['node', '-e', BACKUP_PROGRAM, '--', WORKSPACE, ...paths],
    User: `${AGENT_UID}:${AGENT_UID}`,
    Env: ['NODE_OPTIONS=', 'NODE_NO_WARNINGS=1'],
  });
  // Nothing comes on it, and the engine would keep it open for ever.
  (await exec.start({ Detach: true })).destroy();
  while ((await exec.inspect()).Running) {
    if (!(await sleep(EXEC_POLL_MS, signal))) signal.throwIfAborted();
  }
}

type Pack = ReturnType<typeof pack>;

/** Packs the files as they come, each behind the folders it needs, and the mark last. */
async function fill(
  archive: Pack,
  files: AsyncIterable<WorkspaceEntry>,
  isOwn: (path: string) => boolean,
  mark: string,
): Promise<void> {
  const owner = { uid: AGENT_UID, gid: AGENT_UID, mtime: new Date() };
  const folders = new Set<string>();
  const makeFolders = (path: string): void => {
    const parts = path.split('/').slice(0, -1);
    for (let depth = 1; depth <= parts.length; depth++) {
      const folder = parts.slice(0, depth).join('/');
      if (!folders.has(folder)) archive.entry({ ...owner, name: `${folder}/`, type: 'directory', mode: 0o700 });
      folders.add(folder);
    }
  };
  for await (const { path, sizeBytes, executable, content } of files) {
    if (content === null || !isOwn(path)) continue;
    makeFolders(path);
    const header = { ...owner, name: path, size: sizeBytes, mode: executable ? 0o700 : 0o600 };
    await pour(archive, header, content as AsyncIterable<Buffer>);
  }
  makeFolders(MARK);
  archive.entry({ ...owner, name: MARK, mode: 0o600 }, mark);
  archive.finalize();
}

/** Ends when the entry is packed; a content of another length than the header says breaks the archive. */
async function pour(
  archive: Pack,
  header: Parameters<Pack['entry']>[0],
  content: AsyncIterable<Buffer>,
): Promise<void> {
  let entry: NodeJS.WritableStream | undefined;
  const packed = new Promise<void>((resolve, reject) => {
    entry = archive.entry(header, (error) => (error ? reject(error) : resolve())) as unknown as NodeJS.WritableStream;
  });
  packed.catch(() => undefined);
  for await (const chunk of content) {
    if (entry?.write(chunk) === false) await Promise.race([once(entry as unknown as EventEmitter, 'drain'), packed]);
  }
  entry?.end();
  await packed;
}

/** The agent may have put anything there: only a short plain text is a mark. */
async function markIn(archive: NodeJS.ReadableStream): Promise<string | null> {
  const reader = extract();
  archive.on('error', (error: Error) => reader.destroy(error));
  reader.on('error', () => undefined);
  archive.pipe(reader);
  try {
    const part = await reader[Symbol.asyncIterator]().next();
    if (part.done) return null;
    const { type, size = 0 } = part.value.header;
    return type === 'file' && size <= MOST_MARK_BYTES ? await text(part.value) : null;
  } finally {
    (archive as unknown as Readable).destroy();
    reader.destroy();
  }
}
