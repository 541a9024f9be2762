import type { ToolMethod } from '#libs/containers';
import { badSkill } from './skills.errors.js';

/** What a skill's scripts need beside the skill. Lists are sorted and without doubles. */
export interface SkillRequirements extends Readonly<Record<ToolMethod, readonly string[]>> {
  /** Programs that have to be there. */
  readonly bins: readonly string[];
  /** Environment variables its scripts read. */
  readonly env: readonly string[];
  /** What only people can do, a sentence each. */
  readonly manual: readonly string[];
}

export const NO_REQUIREMENTS: SkillRequirements = {
  bins: [],
  env: [],
  npm: [],
  pip: [],
  go: [],
  apt: [],
  manual: [],
};

const NPM = /^(@[a-z0-9~][a-z0-9._~-]*\/)?[a-z0-9~][a-z0-9._~-]*(@[A-Za-z0-9^~*][A-Za-z0-9.^~*+_-]*)?$/;
const PIP =
  /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?(\[[A-Za-z0-9._-]+\])?((===?|>=|<=|~=|!=|<|>)[A-Za-z0-9][A-Za-z0-9.!+_*-]*)?$/;
const GO = /^[a-z0-9][a-z0-9.-]*\.[a-z]+(\/[A-Za-z0-9_~][A-Za-z0-9._~-]*)+@[A-Za-z0-9][A-Za-z0-9.+-]*$/;
const APT = /^[a-z0-9][a-z0-9.+-]+(=[A-Za-z0-9][A-Za-z0-9.+:~-]*)?$/;
const BIN = /^[A-Za-z0-9_][A-Za-z0-9._+-]*$/;
const VARIABLE = /^[A-Z][A-Z0-9_]*$/;
const LINE = /^\P{Cc}+$/u;
const FORMS: Readonly<Record<keyof SkillRequirements, RegExp>> = {
  bins: BIN,
  env: VARIABLE,
  npm: NPM,
  pip: PIP,
  go: GO,
  apt: APT,
  manual: LINE,
};
const FIELDS = Object.keys(NO_REQUIREMENTS) as (keyof SkillRequirements)[];
const MOST_ITEMS = 20;
const LONGEST_ITEM = 200;
/** Installers as OpenClaw's metadata calls them. */
const KINDS: Readonly<Record<string, ToolMethod>> = {
  node: 'npm',
  npm: 'npm',
  uv: 'pip',
  pip: 'pip',
  go: 'go',
  apt: 'apt',
};

type Mapping = Readonly<Record<string, unknown>>;
type Lists = Record<keyof SkillRequirements, string[]>;

/**
 * Reads the block `requirements` of a SKILL.md (`bins`, `env`, packages by `npm`, `pip`, `go`, `apt`, sentences in `manual`) and
 * what OpenClaw's `metadata.openclaw` says of the same (`requires.bins`, `requires.env`, `install`).
 * @throws DomainError `validation` saying what is wrong.
 */
export function readRequirements(block: unknown, metadata: Mapping): SkillRequirements {
  const lists: Lists = { bins: [], env: [], npm: [], pip: [], go: [], apt: [], manual: [] };
  const own = mapping(block ?? {}, 'requirements');
  const unknown = Object.keys(own).find((name) => !FIELDS.includes(name as keyof SkillRequirements));
  if (unknown !== undefined) throw badSkill(`declares a requirement other than ${FIELDS.join(', ')}`);
  for (const field of FIELDS) lists[field].push(...texts(own[field], `requirements.${field}`));
  readOpenclaw(metadata.openclaw, lists);
  lists.go = lists.go.map((module) => (module.includes('@') ? module : `${module}@latest`));
  return checked(lists);
}

function readOpenclaw(block: unknown, lists: Lists): void {
  if (block === undefined || block === null) return;
  const { requires, install } = mapping(block, 'metadata.openclaw');
  const { bins, env } = mapping(requires ?? {}, 'metadata.openclaw.requires');
  lists.bins.push(...texts(bins, 'metadata.openclaw.requires.bins'));
  lists.env.push(...texts(env, 'metadata.openclaw.requires.env'));
  if (install !== undefined && !Array.isArray(install)) throw badSkill('has metadata.openclaw.install that is no list');
  const steps = (install ?? []).map((step) => mapping(step, 'metadata.openclaw.install'));
  const method = steps.find(({ kind }) => KINDS[String(kind)] !== undefined);
  if (method) readStep(method, lists);
  else lists.manual.push(...steps.slice(0, MOST_ITEMS).map(instruction));
}

/** The steps are alternatives: the first that can be carried out here stands for all. */
function readStep(step: Mapping, lists: Lists): void {
  const method = KINDS[String(step.kind)] ?? 'npm';
  const name = step.package ?? step.module ?? step.formula;
  lists[method].push(...texts(name, 'metadata.openclaw.install'));
  lists.bins.push(...texts(step.bins, 'metadata.openclaw.install.bins'));
}

function instruction(step: Mapping): string {
  const { kind, label, formula, url } = step;
  const what = [label, formula, url].find((value) => typeof value === 'string') ?? 'what the skill needs';
  return `Install ${String(what)} (${String(kind)})`.slice(0, LONGEST_ITEM);
}

function checked(lists: Lists): SkillRequirements {
  for (const field of FIELDS) {
    lists[field] = [...new Set(lists[field])].sort();
    if (lists[field].length > MOST_ITEMS) throw badSkill(`has more than ${MOST_ITEMS} ${field} in its requirements`);
    const wrong = lists[field].find((item) => item.length > LONGEST_ITEM || !FORMS[field].test(item));
    if (wrong !== undefined) throw badSkill(`requires something in ${field} that has not its form`);
  }
  return lists;
}

function mapping(value: unknown, what: string): Mapping {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Mapping;
  throw badSkill(`has ${what} that is no mapping`);
}

function texts(value: unknown, what: string): string[] {
  if (value === undefined || value === null) return [];
  const items: unknown[] = Array.isArray(value) ? value : [value];
  if (items.every((item) => typeof item === 'string')) return items.map((item) => item.trim());
  throw badSkill(`has something in ${what} that is no text`);
}
