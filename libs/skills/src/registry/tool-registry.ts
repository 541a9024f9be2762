import type { ToolMethod, ToolRequest } from '#libs/containers';
import type { RegistryTool } from './registry-tool.js';
import { GO_TOOLS } from './tools/go-tools.js';
import { MANUAL_TOOLS } from './tools/manual-tools.js';
import { NPM_TOOLS } from './tools/npm-tools.js';
import { PIP_TOOLS } from './tools/pip-tools.js';

/** The tools that organisations can install, in the order of their names. */
export const TOOL_REGISTRY: readonly RegistryTool[] = [...NPM_TOOLS, ...PIP_TOOLS, ...GO_TOOLS, ...MANUAL_TOOLS].sort(
  (one, other) => (one.name < other.name ? -1 : 1),
);

const BY_NAME = new Map(TOOL_REGISTRY.map((tool) => [tool.name, tool]));

export const toolOf = (name: string): RegistryTool | undefined => BY_NAME.get(name);

/** What is built for a tool. Another `revision` is another build of the same. @throws Error for one that people install. */
export function requestOf(tool: RegistryTool, revision?: string): ToolRequest {
  const { method, package: packageName, bin } = tool;
  if (method === 'manual' || packageName === null) throw new Error(`${tool.name} is installed by people`);
  const nothing: Record<ToolMethod, readonly string[]> = { npm: [], pip: [], go: [], apt: [] };
  return { ...nothing, [method]: [packageName], bins: [bin], ...(revision === undefined ? {} : { revision }) };
}

/** What people type who install it themselves; undefined where the documentation has to say it. */
export function handCommand({ method, package: packageName }: RegistryTool): string | undefined {
  if (packageName === null) return undefined;
  if (method === 'npm') return `npm install --global ${packageName}`;
  return method === 'pip' ? `pip install ${packageName}` : `go install ${packageName}`;
}
