/** What stands at the head of a SKILL.md. */
export interface SkillHead {
  readonly name: string;
  readonly description: string;
  /** Programs that it requires. */
  readonly bins: readonly string[];
}

const NAME = /^[a-z0-9]+(-[a-z0-9]+)*$/;
const MAX_NAME = 64;
const MAX_DESCRIPTION = 1024;
const FRONT_MATTER = /^\uFEFF?---[ \t]*\r?\n([\s\S]*?)\r?\n---[ \t]*(?:\r?\n|$)/;

/** Whether a folder may be a skill's at all, by the Agent Skills format. */
export const isSkillName = (name: string): boolean => name.length <= MAX_NAME && NAME.test(name);

/**
 * Reads the front matter of a SKILL.md (agentskills.io).
 * @param folder the folder's name, which has to be the skill's
 * @throws Error saying what is wrong, without the text
 */
export async function readSkillHead(text: string, folder: string): Promise<SkillHead> {
  const yaml = FRONT_MATTER.exec(text)?.[1];
  if (yaml === undefined) throw new Error('SKILL.md does not begin with YAML front matter');
  const head = await parseYaml(yaml);
  const { name, description } = head;
  if (typeof name !== 'string' || !isSkillName(name)) {
    throw new Error(`its name must be at most ${MAX_NAME} lower-case letters, digits and single hyphens`);
  }
  if (name !== folder) throw new Error('its name is not that of its folder');
  if (typeof description !== 'string' || description.trim() === '') throw new Error('its description is missing');
  if (description.length > MAX_DESCRIPTION)
    throw new Error(`its description is longer than ${MAX_DESCRIPTION} characters`);
  return { name, description: description.replace(/\s+/g, ' ').trim(), bins: binsOf(head) };
}

/** Of our block `requirements`, and of OpenClaw's metadata. */
function binsOf({ requirements, metadata }: Record<string, unknown>): string[] {
  const lists = [at(requirements, 'bins'), at(at(at(metadata, 'openclaw'), 'requires'), 'bins')];
  return lists.flatMap((list: unknown) => (Array.isArray(list) ? list : [])).filter((one) => typeof one === 'string');
}

const at = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;

async function parseYaml(text: string): Promise<Record<string, unknown>> {
  // Loaded when the first skill is there: an agent without skills does not pay for the parser.
  const { parse } = await import('../sdk/yaml.js');
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 0, logLevel: 'silent' });
  } catch {
    throw new Error('its front matter is not valid YAML');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error('its front matter is no mapping');
  return value as Record<string, unknown>;
}
