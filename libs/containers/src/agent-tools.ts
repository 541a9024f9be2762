import { createHash } from 'node:crypto';

/** Installers that can build tools. */
export const TOOL_METHODS = ['npm', 'pip', 'go', 'apt'] as const;
export type ToolMethod = (typeof TOOL_METHODS)[number];

/** What tools are made from: packages by installer, and the programs that must be there in the end. */
export interface ToolRequest extends Readonly<Record<ToolMethod, readonly string[]>> {
  readonly bins: readonly string[];
  /** Another one is another build of the same packages, in which newer versions of them may be. */
  readonly revision?: string;
}

export interface ToolBuild {
  readonly signal: AbortSignal;
  /** Gets each line that the installers print. */
  readonly log: (line: string) => void;
}

/**
 * Programs that are installed once a host and read by the containers of agents. They are found by the digest of what they are made
 * from; what stands under a digest is whole and never changes.
 */
export interface AgentTools {
  /** Installers for which this host has a registry. */
  readonly methods: readonly ToolMethod[];
  /**
   * Makes the tools unless they are there; one build of a digest at a time.
   * @returns the digest
   * @throws DomainError code `tools_failed` with the last lines, `tools_unavailable` for an installer without a registry
   */
  build(request: ToolRequest, options: ToolBuild): Promise<string>;
  /** Which of these digests are there. */
  present(digests: readonly string[]): Promise<string[]>;
  /** Removes what is not `used` and what broken builds left, all of it older than an hour. @returns how many tools */
  sweep(used: ReadonlySet<string>, signal: AbortSignal): Promise<number>;
}

const FORMAT = 1;
const DIGEST = /^[0-9a-f]{32}$/;

/** The same for the same packages, in whatever order they are listed; 32 hexadecimal digits. */
export function toolsDigest(request: ToolRequest): string {
  const parts = [...TOOL_METHODS, 'bins' as const].map((name) => [name, [...new Set(request[name])].sort()]);
  const revision = request.revision === undefined ? [] : [request.revision];
  return createHash('sha256')
    .update(JSON.stringify([FORMAT, parts, ...revision]))
    .digest('hex')
    .slice(0, 32);
}

export const isToolsDigest = (text: string): boolean => DIGEST.test(text);
