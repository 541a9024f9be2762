import { join } from 'node:path';
import { type AgentTool, objectSchema, textField, ToolError } from './tools/agent-tool.js';
import { entriesOf, readPlainText, realFolder } from './workspace/folders.js';

const FOLDER = 'rules';
const NAME = /^[A-Za-z0-9_-]{1,128}$/;
const MAX_RULES = 200;
const MAX_RULE_BYTES = 64 * 1024;
const INLINE_BUDGET_CHARS = 8 * 1024;
const MAX_SUMMARY = 200;

interface Rule {
  readonly name: string;
  readonly text: string;
}

/**
 * What the model is told of `rules/*.md` as they are now: small ones in full as long as they fit 8 KiB together, of the
 * others name and first line. Empty when there are none.
 */
export function rulesSection(workspace: string): string {
  const rules = readRules(workspace);
  if (rules.length === 0) return '';
  let room = INLINE_BUDGET_CHARS;
  const lines: string[] = [];
  const inlined: string[] = [];
  for (const { name, text } of rules) {
    const fits = text.length <= room;
    if (fits) {
      room -= text.length;
      inlined.push(`## rules/${name}.md\n\n${text}`);
    } else lines.push(`- ${name}: ${firstLine(text)}`);
  }
  const listed =
    lines.length === 0 ? [] : [`Read these with rule_read before you do what they are about:\n${lines.join('\n')}`];
  return ['# Rules', 'Procedures you follow when they fit the request.', ...listed, ...inlined].join('\n\n');
}

/** Reads one rule in full. */
export const ruleTool = (workspace: string): AgentTool => ({
  name: 'rule_read',
  description: 'Reads one of your rules (procedures in rules/) in full.',
  inputSchema: objectSchema({ name: { type: 'string', description: "The rule's name, without .md" } }, ['name']),
  run(input) {
    const name = textField(input, 'name', 200)
      .replace(/^rules\//, '')
      .replace(/\.md$/, '');
    const text = NAME.test(name) ? readRule(workspace, name) : undefined;
    if (text === undefined) throw new ToolError('There is no such rule.');
    return text;
  },
});

function readRules(workspace: string): Rule[] {
  return namesOf(workspace).flatMap((name) => {
    const text = readRule(workspace, name);
    return text ? [{ name, text }] : [];
  });
}

function namesOf(workspace: string): string[] {
  const folder = realFolder(workspace, FOLDER);
  if (folder === undefined) return [];
  return entriesOf(folder)
    .flatMap(({ name }) => (name.endsWith('.md') ? [name.slice(0, -3)] : []))
    .filter((name) => NAME.test(name))
    .slice(0, MAX_RULES);
}

function readRule(workspace: string, name: string): string | undefined {
  const folder = realFolder(workspace, FOLDER);
  return folder === undefined ? undefined : readPlainText(join(folder, `${name}.md`), MAX_RULE_BYTES)?.text.trim();
}

/** The first line that says something, without Markdown's marks. */
export function firstLine(text: string): string {
  const line = text.split('\n').find((candidate) => /[\p{L}\p{N}]/u.test(candidate)) ?? '';
  return line
    .replace(/^[\s#>*-]+/, '')
    .trim()
    .slice(0, MAX_SUMMARY);
}
