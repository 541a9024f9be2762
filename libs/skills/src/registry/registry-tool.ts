/** How a tool comes to a host; `manual`: by people. */
export const INSTALL_METHODS = ['go', 'npm', 'pip', 'manual'] as const;
export type InstallMethod = (typeof INSTALL_METHODS)[number];

/** A tool that agents may have beside their skills. */
export interface RegistryTool {
  readonly name: string;
  readonly description: string;
  readonly method: InstallMethod;
  /** As its installer knows it; null where people install it. */
  readonly package: string | null;
  /** The program it brings. */
  readonly bin: string;
  /** Address of its documentation. */
  readonly docs: string;
  /** What it needs besides, a sentence each. */
  readonly requirements: readonly string[];
}

/** What a list of tools says of one. */
export type ToolRow = readonly [name: string, packageName: string, bin: string, docs: string, description: string];
