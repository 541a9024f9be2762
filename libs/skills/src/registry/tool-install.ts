import type { ToolRequest } from '#libs/containers';

/** Lines of an installer that are kept. */
export const MOST_LOG_LINES = 100;

export type ToolAction = 'install' | 'uninstall';

/** Work on a tool of an organisation, done by the worker of one host. */
export interface ToolInstall {
  readonly id: string;
  readonly name: string;
  readonly action: ToolAction;
  readonly state: 'pending' | 'running' | 'done' | 'failed';
  /** What the installer printed last, at most 100 lines. */
  readonly logs: readonly string[];
  /** Lines that it printed altogether. */
  readonly logCount: number;
  readonly error: string | null;
  readonly createdAt: Date;
  readonly finishedAt: Date | null;
}

/** One that a worker has taken. */
export interface ClaimedToolInstall extends Pick<ToolInstall, 'id' | 'name' | 'action'> {
  readonly orgId: string;
  readonly request: ToolRequest | null;
  readonly timeoutSeconds: number;
  readonly attempts: number;
  readonly epoch: number;
}

/** A later claim, or whoever called it off, has taken the work away. */
export class ToolInstallLostError extends Error {
  constructor(id: string) {
    super(`The work ${id} on a tool is somebody else's now`);
  }
}

export const isToolWorkOpen = ({ state }: Pick<ToolInstall, 'state'>): boolean =>
  state === 'pending' || state === 'running';

/** A tool that an organisation has. */
export interface OrganisationTool {
  readonly name: string;
  readonly digest: string;
  readonly request: ToolRequest;
  readonly installedAt: Date;
}

/** What the worker of a host last found there. */
export interface HostReport {
  readonly hostId: string;
  readonly incarnation: number;
  readonly runtime: string;
  /** It beats: work may be given to it. */
  readonly isAlive: boolean;
  /** Installers for which it has a registry. */
  readonly methods: readonly string[];
  /** Programs that its agents find without any tool: path by name. */
  readonly programs: Readonly<Record<string, string>>;
  /** Tools that are there to the last file. */
  readonly digests: readonly string[];
}
