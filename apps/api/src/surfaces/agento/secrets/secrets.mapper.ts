import type { ChangeSecrets } from '#libs/agents';
import { type FieldIssue, invalid } from '#libs/kernel';
import { isMcpSecret } from '#libs/secrets';
import { AGENT_SECRETS } from '../agents/agent-secrets.js';
import type { ChangedSecretsDto, ChangeSecretsDto } from './secrets.dto.js';

const MOST_ISSUES = 20;
const LOOKS_LIKE_A_NAME = /^[A-Za-z_]{1,40}$/;

/** Stored name of each secret by both of its names. */
const STORED_NAMES: ReadonlyMap<string, string> = new Map(
  Object.entries(AGENT_SECRETS).flatMap(([camelCase, stored]) => [
    [camelCase, stored],
    [stored, stored],
  ]),
);

/** @throws DomainError `validation` when nothing is asked for, or a name is unknown or given twice; no value is named. */
export function toChangeSecrets({ secrets = {}, deleteSecrets = [] }: ChangeSecretsDto): ChangeSecrets {
  const names = Object.keys(secrets);
  if (names.length === 0 && deleteSecrets.length === 0) throw invalid('Give secrets, deleteSecrets or both');
  const issues = [
    ...names.flatMap((name) => problemsOf('secrets', name)),
    ...deleteSecrets.flatMap((name) => problemsOf('deleteSecrets', name)),
    ...names
      .filter((name) => typeof secrets[name] !== 'string')
      .map((name) => issue('secrets', name, 'must be a text')),
    ...names
      .filter((name) => names.some((other) => other !== name && storedName(other) === storedName(name)))
      .map((name) => issue('secrets', name, 'is given twice')),
  ].slice(0, MOST_ISSUES);
  if (issues.length > 0) throw invalid('The request is wrong', issues);
  return {
    set: Object.fromEntries(names.map((name) => [storedName(name), secrets[name] as string])),
    remove: [...new Set(deleteSecrets.map(storedName))],
  };
}

export const toChangedSecrets = (needsRestart: boolean): { data: ChangedSecretsDto } => ({
  data: { updated: true, needsRestart },
});

const storedName = (name: string): string => STORED_NAMES.get(name) ?? name;

const problemsOf = (field: string, name: string): FieldIssue[] =>
  STORED_NAMES.has(name) || isMcpSecret(name)
    ? []
    : [issue(field, name, `is no secret that is known; choose from ${known}`)];

const known = `${Object.values(AGENT_SECRETS).join(', ')}, or mcp_… for MCP servers`;

/** Shows only what looks like a name: somebody may have put the secret where its name belongs. */
const issue = (field: string, name: string, message: string): FieldIssue => ({
  path: ['body', field, LOOKS_LIKE_A_NAME.test(name) ? name : '…'],
  message,
  type: 'invalid',
});
