/** A host's beat older than this says that nothing new is placed there. */
export const HOST_SILENT_AFTER_SECONDS = 30;

/** A host as chosen for an agent. */
export interface PlacedHost {
  readonly id: string;
  /** Raised at each start of the host's worker. */
  readonly incarnation: number;
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
