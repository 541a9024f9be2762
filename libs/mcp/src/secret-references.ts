import { MCP_SECRET_PREFIX, isMcpSecret } from '#libs/secrets';
import { type HttpMcpServer } from './mcp-server.js';

const REFERENCE = /\$\{secret:([^}]*)\}/g;
const SOUNDS_SECRET =
  /authorization|(^|[-_])auth([-_]|$)|token([-_]|$)|secret|passw|cookie|credential|signature|api[-_]?key|access[-_]?key|(^|[-_])(key|pwd|pat)$/i;
const LOOKS_SECRET = /^(bearer|basic|token)\s+\S/i;

/** Names of the secrets a text refers to. */
export const secretsIn = (text: string): string[] => [...text.matchAll(REFERENCE)].map((match) => match[1] ?? '');

export const soundsSecret = (name: string): boolean => SOUNDS_SECRET.test(name);

/** What is wrong with a value that may refer to secrets, and has to where it would be one itself. */
export function secretValueProblem(name: string, text: string): string | undefined {
  const names = secretsIn(text);
  const rest = text.replace(REFERENCE, '');
  if (rest.includes('${') || !names.every(isMcpSecret)) {
    return `must refer to secrets as \${secret:${MCP_SECRET_PREFIX}…}, in lower-case letters, digits and underscores`;
  }
  if (names.length > 0 || !(SOUNDS_SECRET.test(name) || LOOKS_SECRET.test(text))) return undefined;
  return `sounds like a secret: store it with the agent's secrets as ${MCP_SECRET_PREFIX}… and write \${secret:${MCP_SECRET_PREFIX}…} here`;
}

/** Every secret a server is given. */
export const secretsOf = ({ url, headers = {} }: HttpMcpServer): string[] => [
  ...new Set([...new URL(url).searchParams.values(), ...Object.values(headers)].flatMap(secretsIn)),
];

/** Address and headers with every reference replaced by `valueOf` it. */
export function filledIn(
  { url, headers = {} }: HttpMcpServer,
  valueOf: (name: string) => string,
): { readonly url: URL; readonly headers: Record<string, string> } {
  const fill = (text: string): string => text.replace(REFERENCE, (_match, name: string) => valueOf(name));
  const target = new URL(url);
  for (const [name, text] of [...target.searchParams]) {
    if (secretsIn(text).length > 0) target.searchParams.set(name, fill(text));
  }
  return {
    url: target,
    headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, fill(text)])),
  };
}
