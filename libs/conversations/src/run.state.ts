/** A run starts `running` and leaves it once. Every other state is final. */
export type RunStatus = 'running' | 'completed' | 'cancelled' | 'failed' | 'interrupted';
