import { type DomainError, conflict } from '#libs/kernel';

export const heartbeatRunning = (): DomainError =>
  conflict('heartbeat_running', 'A heartbeat of this agent is under way; wait until it has ended');

/** How an execution says that whoever ran it is gone. */
export const INTERRUPTED = 'interrupted: the program that ran this heartbeat ended';
