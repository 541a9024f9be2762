import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  close,
  createReadStream,
  type ReadStream,
  createWriteStream,
  existsSync,
  realpathSync,
  readSync,
  rmSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import type {
  AgentWorkspaces,
  EraseFiles,
  PlaceFolder,
  ReadWorkspace,
  RestoreWorkspace,
  WorkspaceEntry,
} from '../agent-workspaces.js';
import { checkAgentId } from '../spec-checks.js';
import { checkErasing, eraseFailed, ERASING_PROGRAM } from '../workspace/erasing.js';
import { ReadingLimits } from '../workspace/limits.js';
import { BACKUP_FOLDER, BACKUP_PROGRAM, isDatabase, LiveDatabases, MAGIC_BYTES } from '../workspace/live-databases.js';
import { ownFiles } from '../workspace/own-files.js';
import { checkPlacing, PLACING_PROGRAM, placingFailed } from '../workspace/placing.js';
import type { AgentFolder } from './agent-folder.js';
import { filesBelow, type FoundFile } from './folder-reader.js';
import { canTakeAway, takeAway } from './folder-removal.js';
import { alive } from './life.js';
import { makeFolder, own, type Owner } from './workspace.js';

const closeLater = promisify(close);
const EXECUTABLE = 0o100;

export interface FolderWorkspacesOptions {
  folder(agentId: string): AgentFolder;
  ownerOf(agentId: string): Promise<Owner>;
  /** The Node that backs up databases. */
  readonly node: string;
}

/** Workspaces in folders of this machine. The mark lies beside the workspace, out of the agent's reach. */
export class FolderWorkspaces implements AgentWorkspaces {
  constructor(private readonly options: FolderWorkspacesOptions) {}

  mark(agentId: string): Promise<string | null> {
    checkAgentId(agentId);
    const folder = this.options.folder(agentId);
    return Promise.resolve(existsSync(folder.workspace) ? (folder.read('copy') ?? null) : null);
  }

  async *read(agentId: string, options: ReadWorkspace): AsyncGenerator<WorkspaceEntry> {
    checkAgentId(agentId);
    const folder = this.options.folder(agentId);
    const owner = await this.options.ownerOf(agentId);
    const running = (await alive(folder)) !== undefined;
    const isOwn = ownFiles(options.runtime);
    const databases = new LiveDatabases();
    const limits = new ReadingLimits(options.mostBytes);
    for (const file of filesBelow(folder.workspace, owner, isOwn)) {
      yield* this.given(file, limits, options.signal, (head) => {
        if (databases.isCompanion(file.path, running)) return false;
        if (isDatabase(head)) databases.add(file.path);
        return !running || !isDatabase(head);
      });
    }
    if (!running || databases.paths.length === 0) return;
    await this.backUp(folder, owner, databases.paths, options.signal);
    const missing = new Set(databases.paths);
    for (const file of filesBelow(join(folder.workspace, BACKUP_FOLDER), owner, () => true)) {
      yield* this.given(file, limits, options.signal, () => missing.delete(file.path));
    }
    for (const path of missing) yield { path, sizeBytes: 0, executable: false, content: null };
    await this.backUp(folder, owner, [], options.signal);
  }

  async restore(agentId: string, { runtime, files, mark, signal }: RestoreWorkspace): Promise<void> {
    checkAgentId(agentId);
    const folder = this.options.folder(agentId);
    const owner = await this.options.ownerOf(agentId);
    const isOwn = ownFiles(runtime);
    folder.drop('copy');
    for await (const file of files) {
      signal.throwIfAborted();
      if (isOwn(file.path)) await write(folder.workspace, file, owner, signal);
    }
    folder.write('copy', mark);
  }

  async place(agentId: string, { folder: name, files, signal }: PlaceFolder): Promise<void> {
    checkAgentId(agentId);
    checkPlacing({ folder: name, files });
    const folder = this.options.folder(agentId);
    if (!existsSync(folder.workspace)) return;
    const others = (folder.read('files') ?? []).filter((path) => !path.startsWith(`${name}/`));
    const written = [...others, ...files.map(({ path }) => `${name}/${path}`)];
    if (files.length === 0 && canTakeAway) {
      takeAway(folder.workspace, name, join(folder.path, 'taken-away'));
      return folder.write('files', written);
    }
    if (files.length > 0) folder.write('files', written);
    const owner = await this.options.ownerOf(agentId);
    const child = this.asAgent(folder, owner, PLACING_PROGRAM, ['-'], signal, 'pipe');
    const ended = once(child, 'exit') as Promise<[number | null]>;
    child.stdin?.on('error', () => undefined).end(JSON.stringify({ folder: name, files }));
    const [code] = await ended;
    if (code !== 0) throw placingFailed(name);
    if (files.length === 0) folder.write('files', written);
  }

  async erase(agentId: string, { paths, signal }: EraseFiles): Promise<void> {
    checkAgentId(agentId);
    checkErasing(paths);
    signal.throwIfAborted();
    const folder = this.options.folder(agentId);
    if (!existsSync(folder.workspace)) return;
    if (canTakeAway) {
      for (const path of paths) takeAway(folder.workspace, path, join(folder.path, 'taken-away'));
      return;
    }
    const child = this.asAgent(folder, await this.options.ownerOf(agentId), ERASING_PROGRAM, paths, signal);
    const [code] = (await once(child, 'exit')) as [number | null];
    if (code !== 0) throw eraseFailed();
  }

  /** The file when it is wanted, closed in any case. */
  private async *given(
    file: FoundFile,
    limits: ReadingLimits,
    signal: AbortSignal,
    wanted: (head: Buffer) => boolean,
  ): AsyncGenerator<WorkspaceEntry> {
    const { path, fd, stats } = file;
    let stream: ReadStream | undefined;
    try {
      signal.throwIfAborted();
      limits.count(path, stats.size);
      if (!wanted(headOf(fd))) return;
      // no more than was there when it was looked at, however the file grows
      if (stats.size > 0) stream = createReadStream('', { fd, start: 0, end: stats.size - 1 });
      stream?.on('error', () => undefined);
      const content = stream ?? Readable.from([], { objectMode: false });
      yield { path, sizeBytes: stats.size, executable: (stats.mode & EXECUTABLE) !== 0, content };
    } finally {
      await (stream === undefined ? closeLater(fd) : closed(stream));
    }
  }

  private async backUp(
    folder: AgentFolder,
    owner: Owner,
    paths: readonly string[],
    signal: AbortSignal,
  ): Promise<void> {
    await once(this.asAgent(folder, owner, BACKUP_PROGRAM, paths, signal), 'exit');
  }

  /** Runs a program as the agent's user, where the agent itself may read and write. */
  private asAgent(
    folder: AgentFolder,
    owner: Owner,
    program: string,
    rest: readonly string[],
    signal: AbortSignal,
    input: 'ignore' | 'pipe' = 'ignore',
  ): ChildProcess {
    const workspace = realpathSync(folder.workspace);
    const permission = ['--permission', `--allow-fs-read=${workspace}`, `--allow-fs-write=${workspace}`];
    return spawn(this.options.node, [...permission, '-e', program, '--', workspace, ...rest], {
      cwd: workspace,
      env: { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: workspace, NODE_NO_WARNINGS: '1' },
      stdio: [input, 'ignore', 'ignore'],
      signal,
      killSignal: 'SIGKILL',
      ...(owner === undefined ? {} : { uid: owner, gid: owner }),
    });
  }
}

function headOf(fd: number): Buffer {
  const head = Buffer.alloc(MAGIC_BYTES);
  return head.subarray(0, readSync(fd, head, 0, MAGIC_BYTES, 0));
}

/** The descriptor is the stream's own: closed twice it might be somebody else's by then. */
async function closed(stream: ReadStream): Promise<void> {
  if (stream.closed) return;
  stream.destroy();
  await once(stream, 'close');
}

/** The agent does not run: nobody swaps what is below its folder. */
async function write(root: string, entry: WorkspaceEntry, owner: Owner, signal: AbortSignal): Promise<void> {
  makeFolder(root, dirname(entry.path), owner);
  const file = join(root, entry.path);
  rmSync(file, { recursive: true, force: true });
  const mode = entry.executable ? 0o700 : 0o600;
  await pipeline(entry.content ?? [], createWriteStream(file, { flags: 'wx', mode }), { signal });
  own(file, owner);
}
