import type { FieldIssue } from '#libs/kernel';
import { secretValueProblem, secretsIn, soundsSecret } from './secret-references.js';

const MOST_SERVERS = 20;
const MOST_HEADERS = 20;
const MOST_ENTRIES = 64;
const LONGEST_TEXT = 4_096;
const LONGEST_URL = 2_048;
const LONGEST_SHOWN = 40;
const SERVER_NAME = /^[a-z0-9][a-z0-9-]{0,31}$/;
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/;
const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
/** Of the connection or of the protocol: nobody else may set them. */
const RESERVED_HEADER =
  /^(host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|accept|accept-encoding|last-event-id|(content|proxy|mcp)-.*)$/i;
const HTTP_FIELDS = ['url', 'headers'];
const STDIO_FIELDS = ['command', 'args', 'env'];
const NO_SECRETS = 'must not be a secret: the agent could read it; use a url with headers';

type Place = readonly (string | number)[];
type Fields = Readonly<Record<string, unknown>>;

/** What is wrong with `config.mcpServers`, each with its place; empty when all is well. Values are never repeated. */
export function mcpServerIssues(value: unknown, stdioWorks: boolean): FieldIssue[] {
  if (!isObject(value)) return [issue([], 'must be an object of servers by name')];
  const servers = Object.entries(value);
  if (servers.length > MOST_SERVERS) return [issue([], `must hold at most ${MOST_SERVERS} servers`)];
  return servers.flatMap(([name, server]) =>
    SERVER_NAME.test(name)
      ? serverIssues(name, server, stdioWorks)
      : [issue([shown(name)], 'must be named with up to 32 lower-case letters, digits and hyphens')],
  );
}

function serverIssues(name: string, server: unknown, stdioWorks: boolean): FieldIssue[] {
  if (!isObject(server)) return [issue([name], 'must be { url, headers? } or { command, args?, env? }')];
  const isHttp = 'url' in server;
  if (isHttp === 'command' in server) return [issue([name], 'must have either url or command')];
  const known = isHttp ? HTTP_FIELDS : STDIO_FIELDS;
  const strangers = Object.keys(server).filter((field) => !known.includes(field));
  return [
    ...strangers.map((field) => issue([name, shown(field)], `is not known; there are ${known.join(', ')}`)),
    ...(isHttp ? httpIssues(name, server) : stdioIssues(name, server, stdioWorks)),
  ];
}

function httpIssues(name: string, { url, headers = {} }: Fields): FieldIssue[] {
  return [
    ...found([name, 'url'], urlProblem(url)),
    ...entriesOf(name, 'headers', headers, MOST_HEADERS, (header, value) => headerProblem(header, value)),
  ];
}

function urlProblem(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > LONGEST_URL)
    return `must be a URL of up to ${LONGEST_URL} characters`;
  const url = URL.parse(value);
  if (!url || !/^https?:$/.test(url.protocol)) return 'must be an http or https URL';
  if (url.username !== '' || url.password !== '') return 'must not hold a user name or password; use a header';
  const [beforeQuery = ''] = value.split('?', 1);
  if (/(\$|%24)(\{|%7b)/i.test(beforeQuery) || value.includes('#')) return 'may refer to secrets in its query only';
  const problems = [...url.searchParams].map(([parameter, text]) => secretValueProblem(parameter, text));
  return problems.find((problem) => problem !== undefined);
}

function headerProblem(name: string, value: unknown): string | undefined {
  if (!HEADER_NAME.test(name)) return 'must be a header name';
  if (RESERVED_HEADER.test(name)) return 'is set by the protocol';
  const problem = textProblem(value);
  if (problem !== undefined) return problem;
  if (!/^[\u0020-\u007e]*$/.test(value as string)) return 'must consist of printable ASCII characters';
  return secretValueProblem(name, value as string);
}

function stdioIssues(name: string, { command, args = [], env = {} }: Fields, works: boolean): FieldIssue[] {
  if (!works) return [issue([name, 'command'], 'works in the docker runtime only; give a url here')];
  const list = Array.isArray(args) && args.length <= MOST_ENTRIES ? (args as unknown[]) : undefined;
  return [
    ...found([name, 'command'], command === '' ? 'must not be empty' : publicTextProblem(command)),
    ...(list ?? []).flatMap((value, index) => found([name, 'args', index], publicTextProblem(value))),
    ...found([name, 'args'], list ? undefined : `must be a list of up to ${MOST_ENTRIES} texts`),
    ...entriesOf(name, 'env', env, MOST_ENTRIES, (variable, value) => {
      if (!VARIABLE_NAME.test(variable)) return 'must be the name of a variable';
      return soundsSecret(variable) ? NO_SECRETS : publicTextProblem(value);
    }),
  ];
}

function entriesOf(
  name: string,
  field: string,
  value: unknown,
  most: number,
  problemOf: (key: string, value: unknown) => string | undefined,
): FieldIssue[] {
  if (!isObject(value) || Object.keys(value).length > most) {
    return [issue([name, field], `must be an object of up to ${most} texts by name`)];
  }
  return Object.entries(value).flatMap(([key, text]) => found([name, field, shown(key)], problemOf(key, text)));
}

const publicTextProblem = (value: unknown): string | undefined =>
  textProblem(value) ?? (secretsIn(value as string).length > 0 ? NO_SECRETS : undefined);

function textProblem(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > LONGEST_TEXT)
    return `must be a text of up to ${LONGEST_TEXT} characters`;
  return /[\u0000-\u0008\u000a-\u001f\u007f]/.test(value) ? 'must not hold control characters' : undefined;
}

/** Somebody may have put a secret where its name belongs. */
const shown = (name: string): string => (/^[A-Za-z0-9_-]+$/.test(name) && name.length <= LONGEST_SHOWN ? name : '…');

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const found = (at: Place, problem: string | undefined): FieldIssue[] =>
  problem === undefined ? [] : [issue(at, problem)];

const issue = (at: Place, message: string): FieldIssue => ({
  path: ['body', 'config', 'mcpServers', ...at],
  message,
  type: 'invalid',
});
