import { parse } from 'yaml';
import { type SkillRequirements, readRequirements } from './requirements.js';
import type { SkillPermissions } from './skill.js';
import { badSkill } from './skills.errors.js';

const FRONT_MATTER = /^\uFEFF?---[ \t]*\r?\n([\s\S]*?)\r?\n---[ \t]*(?:\r?\n|$)/;
const ID = /^[a-z0-9]+(-[a-z0-9]+)*$/;
const VERSION = /^(0|[1-9]\d{0,5})(\.(0|[1-9]\d{0,5})){2}$/;
const CATEGORY = /^[a-z0-9]+(-[a-z0-9]+)*$/;
const HOST = /^(\*\.)?([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$/;
const PLACE = /^(?!.*(^|\/)\.\.(\/|$))[A-Za-z0-9_.*-]+(\/[A-Za-z0-9_.*-]+)*\/?$/;
const VARIABLE = /^[A-Z][A-Z0-9_]*$/;
const LONGEST_ID = 64;
const LONGEST_DESCRIPTION = 1_024;
const LONGEST_TEXT = 100;
const MOST_ITEMS = 20;
const LONGEST_ENHANCED = 1_000;

/** What SKILL.md says of itself. */
export interface FrontMatter {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly enhancedDescription: string;
  readonly version: string;
  readonly author: string;
  readonly category: string;
  readonly tags: readonly string[];
  readonly useCases: readonly string[];
  readonly permissions: SkillPermissions;
  readonly requirements: SkillRequirements;
}

type Mapping = Readonly<Record<string, unknown>>;

/**
 * Reads the head of a SKILL.md (agentskills.io): `name`, `description`, of `metadata` title, version (default 1.0.0),
 * author, category, tags and use-cases, and our blocks `permissions` and `requirements`.
 * @throws DomainError `validation` saying what is wrong.
 */
export function readFrontMatter(text: string): FrontMatter {
  const [head, yaml] = FRONT_MATTER.exec(text) ?? [];
  if (head === undefined || yaml === undefined) throw badSkill('has a SKILL.md that does not begin with front matter');
  const top = mapping(parsed(yaml), 'front matter');
  const metadata = mapping(top.metadata ?? {}, 'metadata');
  const id = word(top.name, 'name', ID, LONGEST_ID, 'lower-case letters, digits and single hyphens');
  return {
    id,
    name: line(metadata.title, 'metadata.title', titleOf(id)),
    description: descriptionOf(top.description),
    enhancedDescription: beginningOf(text.slice(head.length)),
    version: word(metadata.version ?? top.version ?? '1.0.0', 'metadata.version', VERSION, 20, 'three numbers'),
    author: line(metadata.author, 'metadata.author', 'unknown'),
    category: word(metadata.category ?? 'other', 'metadata.category', CATEGORY, 40, 'lower-case words'),
    tags: list(metadata.tags, 'metadata.tags', ',').map((tag) => tag.toLowerCase()),
    useCases: list(metadata['use-cases'], 'metadata.use-cases', ';'),
    permissions: permissionsOf(top.permissions ?? {}),
    requirements: readRequirements(top.requirements, metadata),
  };
}

/** Negative, zero or positive: how `a` stands to `b`. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split('.').map(Number));
  return [0, 1, 2].map((place) => (left?.[place] ?? 0) - (right?.[place] ?? 0)).find((one) => one !== 0) ?? 0;
}

function parsed(yaml: string): unknown {
  try {
    return parse(yaml, { maxAliasCount: 0, logLevel: 'error' });
  } catch {
    throw badSkill('has front matter that is not valid YAML');
  }
}

function mapping(value: unknown, what: string): Mapping {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Mapping;
  throw badSkill(`has ${what} that is no mapping`);
}

function word(value: unknown, what: string, form: RegExp, longest: number, noun: string): string {
  if (typeof value === 'string' && value.length <= longest && form.test(value)) return value;
  throw badSkill(`needs a ${what} of at most ${longest} characters: ${noun}`);
}

function line(value: unknown, what: string, fallback: string): string {
  if (value === undefined || value === null) return fallback;
  const text = typeof value === 'string' ? value.trim() : '';
  if (text !== '' && text.length <= LONGEST_TEXT && !/\p{Cc}/u.test(text)) return text;
  throw badSkill(`needs a ${what} of one line with at most ${LONGEST_TEXT} characters`);
}

function descriptionOf(value: unknown): string {
  const text = typeof value === 'string' ? value.replace(/\s+/g, ' ').trim() : '';
  if (text !== '' && text.length <= LONGEST_DESCRIPTION && !/\p{Cc}/u.test(text)) return text;
  throw badSkill(`needs a description of 1 to ${LONGEST_DESCRIPTION} characters`);
}

/** A YAML list, or one text with `separator` between the items. */
function list(value: unknown, what: string, separator: string): string[] {
  if (value === undefined || value === null) return [];
  const items: unknown[] = Array.isArray(value) ? value : typeof value === 'string' ? value.split(separator) : [value];
  if (items.length > MOST_ITEMS) throw badSkill(`has more than ${MOST_ITEMS} ${what}`);
  return items.map((item) => line(item, what, '')).filter((item) => item !== '');
}

function permissionsOf(value: unknown): SkillPermissions {
  const block = mapping(value, 'permissions');
  const unknown = Object.keys(block).find((name) => !['network', 'read', 'write', 'env'].includes(name));
  if (unknown !== undefined) throw badSkill('declares a permission other than network, read, write and env');
  const allowed = (name: string, form: RegExp): string[] => {
    const items = list(block[name], `permissions.${name}`, ',');
    if (items.every((item) => form.test(item))) return items;
    throw badSkill(`declares something in permissions.${name} that has not its form`);
  };
  return {
    network: allowed('network', HOST),
    read: allowed('read', PLACE),
    write: allowed('write', PLACE),
    env: allowed('env', VARIABLE),
  };
}

/** The first paragraphs below the title. */
function beginningOf(body: string): string {
  const paragraphs = body
    .split(/\r?\n\s*\r?\n/)
    .map((part) => part.trim())
    .filter((part) => part !== '');
  const first = paragraphs.filter((part) => !part.startsWith('#'))[0] ?? '';
  return first
    .replace(/\s+/g, ' ')
    .replace(/\p{Cc}/gu, '')
    .slice(0, LONGEST_ENHANCED);
}

const titleOf = (id: string): string =>
  id
    .split('-')
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join(' ');
