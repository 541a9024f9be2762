import { hostPattern } from '#libs/egress';

/** Entries of `config.egress.allowHosts`. */
const MOST_HOSTS = 100;

/** What is wrong with `config.egress`; undefined when nothing is. */
export function egressProblem(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'must be an object';
  const { allowHosts, ...rest } = value as Record<string, unknown>;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) return `has no field ${JSON.stringify(unknown.slice(0, 50))}, only allowHosts`;
  return allowHosts === undefined ? undefined : hostsProblem(allowHosts);
}

/** What is wrong with a list of hosts, naming the first wrong one; undefined when nothing is. */
function hostsProblem(hosts: unknown): string | undefined {
  if (!Array.isArray(hosts) || hosts.length > MOST_HOSTS) return `allowHosts must be a list of at most ${MOST_HOSTS}`;
  const wrong = hosts.findIndex((host) => typeof host !== 'string' || hostPattern(host) === undefined);
  if (wrong < 0) return undefined;
  const rule = 'must be a host name, or *. and a name of two parts or more, each with :port where it is not 80 or 443';
  return `allowHosts[${wrong}] ${rule}`;
}
