import { type HostPattern, hostAndPort, hostPattern, namesHost } from '#libs/egress';

/** What a skill says it needs: the `permissions` block of its front matter, each part a list. */
export interface SkillPermissions {
  /** False: there is no block at all. */
  readonly declared: boolean;
  /** Hosts as `config.egress.allowHosts` spells them. */
  readonly network: readonly string[];
  /** Paths that are read or written outside the skill's folder and the workspace. */
  readonly files: readonly string[];
  /** Environment variables. */
  readonly env: readonly string[];
  /** What could not be understood, for people. */
  readonly problems: readonly string[];
}

const MOST_ENTRIES = 100;
const LONGEST_ENTRY = 300;

/**
 * `network: [hosts]`, `read` and `write` (or `files`): `[paths]`, and `env: [names]`; a single text stands for a list of one, `none`
 * and false for an empty one. Never throws: what is wrong is a problem and grants nothing.
 */
export function skillPermissions(block: unknown): SkillPermissions {
  const problems: string[] = [];
  if (block === undefined || block === null) return { declared: false, network: [], files: [], env: [], problems };
  if (typeof block !== 'object' || Array.isArray(block)) {
    return { declared: true, network: [], files: [], env: [], problems: ['permissions is no mapping'] };
  }
  const { network, files, read, write, env, ...rest } = block as Record<string, unknown>;
  for (const name of Object.keys(rest).slice(0, 5)) problems.push(`permissions.${name.slice(0, 50)} is not known`);
  const places = [...paths(files, problems), ...texts('read', read, problems), ...texts('write', write, problems)];
  const hosts = texts('network', network, problems).filter((host) => {
    const good = hostPattern(host) !== undefined;
    if (!good) problems.push(`permissions.network holds ${JSON.stringify(host.slice(0, 60))}, which is no host`);
    return good;
  });
  return { declared: true, network: hosts, files: places, env: texts('env', env, problems), problems };
}

/** Whether the host of a URL in a skill's code was declared. */
export function allowsHost(permissions: SkillPermissions, host: string): boolean {
  const spelled = hostAndPort(host)?.host;
  const patterns = permissions.network.map(hostPattern).filter((found): found is HostPattern => found !== undefined);
  return spelled !== undefined && namesHost(patterns, spelled);
}

function paths(value: unknown, problems: string[]): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return texts('files', value, problems);
  return Object.entries(value)
    .slice(0, MOST_ENTRIES)
    .flatMap(([how, list]) => {
      if (how === 'read' || how === 'write') return texts(`files.${how}`, list, problems);
      problems.push(`permissions.files.${how.slice(0, 50)} is not known`);
      return [];
    });
}

function texts(name: string, value: unknown, problems: string[]): string[] {
  if (value === undefined || value === null || value === false || value === 'none') return [];
  const list: unknown[] = Array.isArray(value) ? value : [value];
  const good = list.filter((entry): entry is string => typeof entry === 'string' && entry.length <= LONGEST_ENTRY);
  if (good.length < list.length || list.length > MOST_ENTRIES) problems.push(`permissions.${name} is no list of texts`);
  return good.slice(0, MOST_ENTRIES);
}
