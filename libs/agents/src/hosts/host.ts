/** A host's beat older than this says that nothing new is placed there. */
export const HOST_SILENT_AFTER_SECONDS = 30;

/** A host as chosen for an agent. */
export interface PlacedHost {
  readonly id: string;
  /** Raised at each start of the host's worker. */
  readonly incarnation: number;
  /** How many more agents it takes. */
  readonly room: number;
}

/** Where an agent may be placed. */
export interface Placement {
  readonly region: string;
  /** The container runtime it needs: one that ran in containers does not move to where nothing isolates it. */
  readonly runtime?: string;
}

/** What a worker tells about its host when it starts. */
export interface HostRegistration {
  readonly id: string;
  /** Empty: serves every region. */
  readonly region: string;
  readonly runtime: string;
  /** Base URL of the host's relay as the API reaches it. */
  readonly edgeUrl: string;
  readonly capacityAgents: number;
}

/**
 * - `alive`: beats and takes agents; `draining`: beats and gives its agents away
 * - `silent`: no beat for 30 s; `dead`: silent while others beat, so its agents move
 */
export type HostState = 'alive' | 'draining' | 'silent' | 'dead';

/** A host as operators see it. */
export interface Host {
  readonly id: string;
  readonly region: string;
  readonly runtime: string;
  readonly state: HostState;
  readonly draining: boolean;
  readonly capacityAgents: number;
  /** Agents that are placed here. */
  readonly agents: number;
  /** Of these, on their way to another host. */
  readonly leaving: number;
  /** Starts of its worker. */
  readonly incarnation: number;
  readonly heartbeatAt: Date;
  readonly deadSince: Date | null;
  readonly createdAt: Date;
}
