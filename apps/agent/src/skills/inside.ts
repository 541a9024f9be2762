import { realpathSync } from 'node:fs';
import { resolve, sep } from 'node:path';
import { ToolError } from '../tools/agent-tool.js';

/** The real path behind `path`, links resolved. @throws ToolError unless it lies in the folder. */
export function inside(folder: string, path: string): string {
  const real = realPath(resolve(folder, path));
  const root = realPath(folder);
  if (real === undefined || root === undefined || !real.startsWith(root + sep)) {
    throw new ToolError("There is no such file in the skill's folder.");
  }
  return real;
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync.native(path);
  } catch {
    return undefined;
  }
}
