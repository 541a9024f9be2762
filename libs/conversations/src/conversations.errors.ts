import { DomainError, type FieldIssue, conflict, invalid } from '#libs/kernel';

export const runInProgress = (): DomainError =>
  conflict(
    'run_in_progress',
    'This session is still answering an earlier message; wait for its end, or use another session or peerId',
  );

export const peersUnsupported = (): DomainError =>
  conflict(
    'peers_unsupported',
    'This agent runs a version of OpenClaw that is not known to keep end users apart: leave peerId out, or change the version or the runtime (docs/runtimes.md)',
  );

export const conversationArchived = (): DomainError =>
  conflict('conversation_archived', 'This conversation is archived; begin another one');

export const wrongField = (field: string, message: string, type: string): DomainError => {
  const issue: FieldIssue = { path: ['body', field], message, type };
  return invalid(message, [issue]);
};

export const INTERRUPTED = {
  code: 'interrupted',
  message: 'Rookery stopped while the agent was answering; send the message again',
} as const;

export const CANCELLED = { code: 'cancelled', message: 'The run was cancelled because its reader left' } as const;

export const shuttingDown = (): DomainError =>
  new DomainError('unavailable', 'shutting_down', 'This server is shutting down; try again shortly', {
    retryAfterSeconds: 1,
  });

export const replyTooLong = (): DomainError =>
  new DomainError('upstream_failed', 'reply_too_long', 'The agent answered with more text than one message can hold');
