/** Something the person at the keyboard can put right; the message is all they see. */
export class Failure extends Error {}

const SYSTEM_ERRORS = {
  ENOSPC: (error) => `The disk is full${error.path ? `: ${error.path} could not be written` : ''}`,
  EDQUOT: (error) => `The disk quota is used up${error.path ? `: ${error.path} could not be written` : ''}`,
  EACCES: (error) => `No permission for ${error.path ?? 'a file'}: choose another DATA_DIR, or run as its owner`,
  EPERM: (error) => `No permission for ${error.path ?? 'a file'}: choose another DATA_DIR, or run as its owner`,
  EROFS: (error) =>
    `${error.path ?? 'A folder'} is on a read-only file system: set DATA_DIR to a folder that can be written`,
  ENOTDIR: (error) => `${error.path ?? 'A path'} leads through something that is not a folder`,
};

/** What /proc and its like answer to who wants a folder. */
const noFolder = ({ code, syscall, path }) =>
  code === 'ENOENT' && syscall === 'mkdir' ? `${path} can't be made: set DATA_DIR to another folder` : undefined;

/** One plain line (or the few a Failure brings) for whatever went wrong. */
export function explain(error) {
  return `rookery: ${SYSTEM_ERRORS[error?.code]?.(error) ?? noFolder(Object(error)) ?? error?.message ?? error}`;
}
