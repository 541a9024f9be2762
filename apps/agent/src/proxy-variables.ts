const NAMES = [
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'http_proxy',
  'https_proxy',
  'no_proxy',
  'NODE_USE_ENV_PROXY',
] as const;

/** The way out for programs that the agent starts: in the docker runtime its edge's proxy, with a token for that alone. */
export function proxyVariables(environment: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const given = NAMES.map((name) => [name, environment[name]] as const);
  return Object.fromEntries(given.filter((entry): entry is [(typeof NAMES)[number], string] => entry[1] !== undefined));
}
