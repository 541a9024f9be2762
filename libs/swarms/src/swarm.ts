/** A team of agents inside one organisation. */
export interface Swarm {
  readonly id: string;
  readonly orgId: string;
  readonly name: string;
  /** Unique inside the organisation; made from the first name and never changed. */
  readonly slug: string;
  readonly description: string | null;
  readonly icon: string | null;
  /** Deleted agents do not count. */
  readonly agentCount: number;
  readonly memberCount: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** An agent as its swarm shows it. */
export interface SwarmAgent {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly createdAt: Date;
}

/** A swarm with its agents, newest first, at most 1000. */
export interface SwarmDetails extends Swarm {
  readonly agents: readonly SwarmAgent[];
}

/** Somebody of the organisation who belongs to a swarm. */
export interface SwarmMember {
  readonly userId: string;
  readonly name: string;
  readonly addedAt: Date;
}

export interface CreateSwarm {
  readonly name: string;
  readonly description?: string | null;
  readonly icon?: string | null;
}

/** What is left out stays; null clears. */
export interface UpdateSwarm {
  readonly name?: string;
  readonly description?: string | null;
  readonly icon?: string | null;
}

/** Which secrets to store and which to drop, by snake_case name. */
export interface ChangeSwarmSecrets {
  readonly set: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
}
