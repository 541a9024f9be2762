import { isIP } from 'node:net';
import { type SkillPermissions, allowsHost } from '../permissions.js';
import { EXECUTED, MOST_A_FILE, findingAt } from '../rule.js';
import type { Finding, Severity } from '../scan.types.js';
import type { Source, SourceLine } from '../source.js';

const ADDRESS =
  /\b(?:https?|wss?|ftp):\/\/(?:[^\s"'`<>/@]{1,100}@)?(\[[0-9a-f:.]{2,45}\]|[a-z0-9](?:[a-z0-9._-]{0,251}[a-z0-9])?)/gi;
const CALLS =
  /\b(?:curl|wget|nc|ncat|telnet|ssh|scp|ftp|ping|dig|nslookup)\s{1,3}(?:-{1,2}[a-zA-Z-]{1,20}\s{1,3}(?:\d{1,6}\s{1,3})?){0,4}["']?((?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24})\b/gi;
/** Names in documents and schemas that nobody calls. */
const NAMES_ONLY =
  /^(?:(?:www\.)?w3\.org|(?:[a-z0-9-]+\.)*json-schema\.org|schema\.org|schemas\.[a-z.]+|xmlns\.com|purl\.org|localhost|(?:[a-z0-9-]+\.)*example(?:\.(?:com|org|net))?|(?:[a-z0-9-]+\.)*(?:test|invalid|local))$/;
const USES_NETWORK =
  /\bfetch\s{0,3}\(|\brequire\(["'](?:node:)?(?:net|dgram|tls|https?|http2|dns)["']\)|\bfrom\s{1,3}["'](?:node:)?(?:net|dgram|tls|https?|http2|undici|axios|got|node-fetch)["']|^\s{0,20}(?:import|from)\s{1,3}(?:requests|urllib|httpx|aiohttp|socket|ftplib|smtplib|http\.client)\b|(?:^|[;&|`(]\s{0,3})(?:curl|wget|nc|ssh|scp|rsync)\s/i;
const PATHS =
  /(?:^|[\s"'`(=:<>])((?:~|\$HOME|\$\{HOME\})(?:\/[\w.@-]{1,80}){1,8}|\/(?:etc|root|home|var|usr\/local|opt|boot|sys|proc|dev|mnt|media|Users|Library|srv|run)(?:\/[\w.@-]{1,80}){1,8}|(?:\.\.\/){2,8}[\w.@/-]{0,200})/g;
const HARMLESS_PATH =
  /^\/(?:dev\/(?:null|stdin|stdout|stderr|tty|fd)|usr\/local\/bin|etc\/(?:hosts|os-release|ssl|timezone|localtime)|proc\/(?:cpuinfo|meminfo|loadavg|uptime|version))/;
const ENVIRONMENT =
  /\bprocess\.env(?:\.|\[["'])([A-Z][A-Z0-9_]{2,60})|\bos\.(?:environ(?:\.get\(|\[)|getenv\()\s{0,3}["']([A-Z][A-Z0-9_]{2,60})|\$\{?([A-Z][A-Z0-9_]{2,60})\b/g;
const SECRET_NAME = /(?:^|_)(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|PAT|CREDENTIALS?)$/;

interface Use {
  readonly what: string;
  readonly line: SourceLine;
  readonly at: number;
}

/** What the code does that the front matter does not say. */
export function permissionFindings(source: Source, permissions: SkillPermissions): Finding[] {
  const executed = source.lines.filter(({ where }) => EXECUTED.includes(where));
  const hosts = uses(executed, [ADDRESS, CALLS]);
  return [
    ...hosts.flatMap((use) => hostFindings(source, use, permissions)).slice(0, MOST_A_FILE * 2),
    ...networkFinding(source, executed, hosts, permissions),
    ...pathFindings(source, executed, permissions),
    ...environmentFindings(source, executed, permissions),
  ];
}

/** Findings about the block itself; they belong to SKILL.md. */
export function declarationFindings(permissions: SkillPermissions, hasCode: boolean): Finding[] {
  const about = (rule: string, severity: Severity, message: string): Finding => ({
    rule,
    severity,
    path: 'SKILL.md',
    line: 0,
    excerpt: '',
    message,
  });
  return [
    ...permissions.problems.slice(0, MOST_A_FILE).map((problem) => about('permissions-malformed', 'low', problem)),
    ...(hasCode && !permissions.declared
      ? [about('permissions-missing', 'low', 'Has programs and no permissions block that says what they need')]
      : []),
  ];
}

function hostFindings(source: Source, { what: host, line, at }: Use, permissions: SkillPermissions): Finding[] {
  const bare = host.replace(/^\[|\]$/g, '').toLowerCase();
  if (NAMES_ONLY.test(bare) || /^(?:127\.|0\.0\.0\.0$|::1$)/.test(bare)) return [];
  const declared = allowsHost(permissions, bare);
  const found: Finding[] = [];
  const add = (rule: string, severity: Severity, message: string): void => {
    found.push(findingAt(source, line, { rule, severity, message }, at));
  };
  if (isIP(bare) !== 0 || /^(?:0x[0-9a-f]{1,8}|\d{8,10})$/.test(bare)) {
    if (!declared) add('bare-address', 'high', `Talks to ${bare}, an address without a name`);
  } else if (!declared) {
    const name = bare.includes('xn--') ? `${bare} (letters of another alphabet)` : bare;
    add('undeclared-host', 'medium', `Talks to ${name}, which permissions.network does not list`);
  }
  return found;
}

function networkFinding(
  source: Source,
  lines: readonly SourceLine[],
  hosts: readonly Use[],
  { network }: SkillPermissions,
): Finding[] {
  if (network.length > 0 || hosts.length > 0 || source.kind !== 'code') return [];
  const line = lines.find(({ text }) => USES_NETWORK.test(text));
  const message = 'Uses the network to hosts that are only known when it runs, and permissions.network lists none';
  return line ? [findingAt(source, line, { rule: 'undeclared-network', severity: 'medium', message })] : [];
}

function pathFindings(source: Source, lines: readonly SourceLine[], { files }: SkillPermissions): Finding[] {
  if (source.kind !== 'code') return [];
  const spelled = (path: string): string => path.replace(/^\$\{?HOME\}?/, '~');
  const declared = files.map((path) => spelled(path).replace(/\/?\*{0,2}$/, ''));
  return uses(lines, [PATHS])
    .filter(({ what }) => {
      const path = spelled(what);
      return !HARMLESS_PATH.test(path) && !declared.some((own) => path === own || path.startsWith(`${own}/`));
    })
    .filter(({ line, at }) => !(line.number === 1 && line.text.startsWith('#!') && at < 40))
    .slice(0, MOST_A_FILE)
    .map(({ what, line, at }) => {
      const message = `Uses ${what.slice(0, 80)}, outside its folder and the workspace, which permissions.files does not list`;
      return findingAt(source, line, { rule: 'undeclared-file', severity: 'medium', message }, at);
    });
}

function environmentFindings(source: Source, lines: readonly SourceLine[], { env }: SkillPermissions): Finding[] {
  return uses(lines, [ENVIRONMENT])
    .filter(({ what }) => SECRET_NAME.test(what) && !env.includes(what))
    .slice(0, MOST_A_FILE)
    .map(({ what, line, at }) => {
      const message = `Reads the secret ${what}, which permissions.env does not list`;
      return findingAt(source, line, { rule: 'undeclared-secret', severity: 'low', message }, at);
    });
}

const MOST_USES = 500;

/** Each distinct thing where it is used first. */
function uses(lines: readonly SourceLine[], patterns: readonly RegExp[]): Use[] {
  const found = new Map<string, Use>();
  for (const line of lines) {
    for (const pattern of patterns) {
      for (const match of line.text.matchAll(pattern)) {
        const what = match.slice(1).find((group) => group !== undefined);
        if (found.size >= MOST_USES) return [...found.values()];
        if (what !== undefined && !found.has(what)) found.set(what, { what, line, at: match.index });
      }
    }
  }
  return [...found.values()];
}
