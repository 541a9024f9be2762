import type { AgentFile } from '#libs/agents';
import { FILE_TYPES, type FileType, typeOfFile } from './file-types.js';
import type { PersonalityContextDto, PersonalityDto, PersonalityFileDto } from './personality.dto.js';

const SYSTEM_PARTS: readonly (readonly [FileType, string])[] = [
  ['soul', 'Soul'],
  ['identity', 'Identity'],
  ['agents', 'Agents'],
  ['tools', 'Tools'],
  ['user', 'User'],
  ['memory', 'Memory'],
];

const WITHOUT_FILES = 'You are a helpful AI agent. Be honest, be brief, and do no harm.';

type Contents = ReadonlyMap<FileType, string>;

export function toPersonality(agentId: string, files: readonly AgentFile[]): PersonalityDto {
  const found = new Map(files.map((file) => [typeOfFile(file.path), file]));
  const entries = FILE_TYPES.map((type) => {
    const file = found.get(type);
    return [type, file ? toPersonalityFile(file) : null] as const;
  });
  return {
    agent_id: agentId,
    files: Object.fromEntries(entries),
    missing_files: entries.filter(([, file]) => file === null).map(([type]) => type),
  };
}

export const toPersonalityFile = (file: AgentFile): PersonalityFileDto => ({
  name: file.path,
  file_type: typeOfFile(file.path) ?? '',
  content: file.content,
  last_modified: (file.updatedAt?.getTime() ?? 0) / 1000,
});

export const toSystemContext = (files: readonly AgentFile[]): PersonalityContextDto => ({
  context_type: 'system',
  context: systemText(contentsOf(files)),
});

export function toTaskContext(files: readonly AgentFile[], task: string | null | undefined): PersonalityContextDto {
  const system = systemText(contentsOf(files));
  return { context_type: 'task', context: task ? `${system}\n\n# Current task\n\n${task}` : system };
}

/** Who it is, and of its soul what it must never forget. */
export function toMinimalContext(files: readonly AgentFile[]): PersonalityContextDto {
  const contents = contentsOf(files);
  const ethics = sectionOf(contents.get('soul') ?? '', /core ethics/i);
  const parts = [contents.get('identity'), ethics].filter((part) => part !== undefined && part !== '');
  return { context_type: 'minimal', context: parts.length > 0 ? parts.join('\n\n') : WITHOUT_FILES };
}

function systemText(contents: Contents): string {
  const parts = SYSTEM_PARTS.flatMap(([type, heading]) => {
    const content = contents.get(type);
    return content ? [`# ${heading}\n\n${withoutHeading(content, heading)}`] : [];
  });
  return parts.length > 0 ? parts.join('\n\n') : WITHOUT_FILES;
}

const contentsOf = (files: readonly AgentFile[]): Contents =>
  new Map(
    files.flatMap(({ path, content }) => {
      const type = typeOfFile(path);
      return type ? [[type, content.trim()] as const] : [];
    }),
  );

/** The file's own first heading says the same again. */
const withoutHeading = (content: string, heading: string): string => {
  const [first = '', ...rest] = content.split('\n');
  return first.trim().toLowerCase() === `# ${heading.toLowerCase()}` ? rest.join('\n').trim() : content;
};

/** A heading that fits and what stands below it, to the next heading of its level or a higher one. */
function sectionOf(markdown: string, title: RegExp): string | undefined {
  const lines = markdown.split('\n');
  const levelOf = (line: string): number => /^(#{1,6})\s/.exec(line)?.[1]?.length ?? 0;
  const from = lines.findIndex((line) => levelOf(line) > 0 && title.test(line));
  if (from < 0) return undefined;
  const level = levelOf(lines[from] ?? '');
  const length = lines.slice(from + 1).findIndex((line) => levelOf(line) > 0 && levelOf(line) <= level);
  return lines
    .slice(from, length < 0 ? undefined : from + 1 + length)
    .join('\n')
    .trim();
}
