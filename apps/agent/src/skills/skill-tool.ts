import { join, relative } from 'node:path';
import {
  type AgentTool,
  objectSchema,
  offsetField,
  textField,
  ToolError,
  type ToolInput,
} from '../tools/agent-tool.js';
import { entriesOf, readPlainText } from '../workspace/folders.js';
import { inside } from './inside.js';
import type { SkillHead } from './skill-file.js';
import type { SkillShelf } from './skill-shelf.js';

const MAX_FILE_BYTES = 1024 * 1024;
const PAGE_CHARS = 24_000;
const MAX_LISTED = 100;
const MAX_DEPTH = 4;

/** What the model is told of its skills; empty when there are none. */
export function skillsSection(skills: readonly SkillHead[]): string {
  if (skills.length === 0) return '';
  const lines = skills.map(({ name, description }) => `- ${name}: ${description}`);
  return `# Skills\n\nRead a skill with skill_read before you do what it describes.\n\n${lines.join('\n')}`;
}

/** Reads SKILL.md and the files beside it, and nothing outside of the skill's folder. */
export const skillTool = (shelf: SkillShelf): AgentTool => ({
  name: 'skill_read',
  description: 'Reads SKILL.md of one of your skills, or another text file in the folder of that skill.',
  inputSchema: objectSchema(
    {
      skill: { type: 'string', description: "The skill's name" },
      path: { type: 'string', description: 'File in the folder of the skill; SKILL.md when left out' },
      offset: { type: 'integer', minimum: 0, description: 'Character to begin at, for the rest of a long file' },
    },
    ['skill'],
  ),
  run(input) {
    const folder = shelf.folderOf(textField(input, 'skill', 200));
    if (folder === undefined) throw new ToolError('There is no such skill.');
    const path = input['path'] === undefined ? 'SKILL.md' : textField(input, 'path', 1000);
    const page = pageOf(textOf(folder, path), input);
    return path === 'SKILL.md' ? page + helpers(folder) : page;
  },
});

function textOf(folder: string, path: string): string {
  const file = readPlainText(inside(folder, path), MAX_FILE_BYTES);
  if (!file) throw new ToolError('This is no text file, or none that may be read.');
  if (file.sizeBytes > MAX_FILE_BYTES) throw new ToolError(`Files of more than ${MAX_FILE_BYTES} bytes can't be read.`);
  return file.text;
}

function pageOf(text: string, input: ToolInput): string {
  const offset = offsetField(input);
  const page = text.slice(offset, offset + PAGE_CHARS);
  const next = offset + page.length;
  return next < text.length ? `${page}\n[${text.length - next} more characters; go on with offset ${next}]` : page;
}

function helpers(folder: string): string {
  const files = filesBelow(folder, folder, 1)
    .filter((file) => file !== 'SKILL.md')
    .sort();
  if (files.length === 0) return '';
  const listed = files.slice(0, MAX_LISTED).map((file) => `- ${file}`);
  const more = files.length > MAX_LISTED ? ['- and more'] : [];
  return `\n\n[Files beside SKILL.md]\n${[...listed, ...more].join('\n')}`;
}

function filesBelow(root: string, folder: string, depth: number): string[] {
  return entriesOf(folder)
    .slice(0, MAX_LISTED * 2)
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return depth < MAX_DEPTH ? filesBelow(root, path, depth + 1) : [];
      return entry.isFile() ? [relative(root, path)] : [];
    });
}
