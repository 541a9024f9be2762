/** A team of agents inside one organisation. */
export interface Swarm {
  readonly id: string;
  readonly orgId: string;
  readonly name: string;
  /** Unique inside the organisation; never changes. */
  readonly slug: string;
  readonly description: string | null;
  readonly icon: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}
