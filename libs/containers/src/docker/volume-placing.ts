import { buffer } from 'node:stream/consumers';
import type Docker from 'dockerode';
import { pack } from 'tar-stream';
import type { PlaceFolder } from '../agent-workspaces.js';
import { sleep } from '../waiting.js';
import { checkPlacing, PLACING_FILE, PLACING_PROGRAM, placingFailed } from '../workspace/placing.js';
import { PRIVATE_FOLDER } from '../workspace/own-files.js';
import { AGENT_UID, WORKSPACE } from './naming.js';
import { unlessMissing } from './engine-errors.js';
import { MANIFEST, type WorkspaceVolumes } from './workspace-volume.js';

const EXEC_POLL_MS = 50;

/**
 * What is to be placed enters by archive; the program that places it runs in the agent's container, as the agent's user. Where the agent
 * does not run, or lets nothing run beside it, a container that has nothing but the workspace does it.
 */
export async function placeInVolume(volumes: WorkspaceVolumes, agentId: string, place: PlaceFolder): Promise<void> {
  checkPlacing(place);
  const { image, folder, signal } = place;
  const script = [PLACING_PROGRAM, '--', WORKSPACE, PLACING_FILE, MANIFEST];
  const done = await volumes.through(agentId, image, async (container) => {
    if (!container || (place.files.length === 0 && !(await isThere(container, folder)))) return true;
    await container.putArchive(await orderOf(place), { path: WORKSPACE, abortSignal: signal });
    return (await container.inspect()).State.Running && (await runInside(container, script, signal)) === 0;
  });
  if (!done && (await volumes.run('placer', agentId, image, script)) !== 0) throw placingFailed(folder);
}

/** A look costs a hundredth of what a removal does. What the agent discarded itself stays in the manifest until its next instance. */
async function isThere(container: Docker.Container, folder: string): Promise<boolean> {
  return (await unlessMissing(container.infoArchive({ path: `${WORKSPACE}/${folder}` }))) !== undefined;
}

function orderOf({ folder, files }: PlaceFolder): Promise<Buffer> {
  const archive = pack();
  const owner = { uid: AGENT_UID, gid: AGENT_UID, mtime: new Date() };
  archive.entry({ ...owner, name: `${PRIVATE_FOLDER}/`, type: 'directory', mode: 0o700 });
  archive.entry({ ...owner, name: PLACING_FILE, mode: 0o600 }, JSON.stringify({ folder, files }));
  archive.finalize();
  return buffer(archive);
}

/** @returns the exit code; null when it can't be run there. */
async function runInside(container: Docker.Container, script: string[], signal: AbortSignal): Promise<number | null> {
  try {
    const exec = await container.exec({
      Cmd: ['node', '-e', ...script],
      User: `${AGENT_UID}:${AGENT_UID}`,
      Env: ['NODE_OPTIONS=', 'NODE_NO_WARNINGS=1'],
    });
    // Nothing comes on it, and the engine would keep it open for ever.
    (await exec.start({ Detach: true })).destroy();
    for (;;) {
      const { Running, ExitCode } = await exec.inspect();
      if (!Running) return ExitCode;
      if (!(await sleep(EXEC_POLL_MS, signal))) signal.throwIfAborted();
    }
  } catch {
    signal.throwIfAborted();
    return null;
  }
}
