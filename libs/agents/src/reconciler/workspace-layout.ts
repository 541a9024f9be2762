import type { WorkspaceFile } from '#libs/containers';
import type { ClaimedAgent } from './claimed-agent.js';

/**
 * The files that users edit as they lie in the workspace: the persona stands in IDENTITY.md, and for OpenClaw, whose bridge
 * makes AGENTS.md of WORKFLOW.md and the rules, what users wrote into AGENTS.md stands in WORKFLOW.md.
 */
export function layOut(
  files: readonly WorkspaceFile[],
  { persona, runtime }: Pick<ClaimedAgent, 'persona' | 'runtime'>,
): WorkspaceFile[] {
  const named = persona === null ? files : withPersona(files, persona);
  return runtime === 'openclaw' ? withoutAgentsFile(named) : [...named];
}

function withPersona(files: readonly WorkspaceFile[], persona: string): readonly WorkspaceFile[] {
  const isTold = files.some(({ path, content }) => isAboutSelf(path) && content.includes(persona));
  return isTold ? files : appended(files, 'IDENTITY.md', `## Persona\n\n${persona}`);
}

const isAboutSelf = (path: string): boolean => path === 'IDENTITY.md' || path === 'SOUL.md';

function withoutAgentsFile(files: readonly WorkspaceFile[]): WorkspaceFile[] {
  const text = files.find(({ path }) => path === 'AGENTS.md')?.content;
  const others = files.filter(({ path }) => path !== 'AGENTS.md');
  return text === undefined ? others : appended(others, 'WORKFLOW.md', text);
}

function appended(files: readonly WorkspaceFile[], path: string, text: string): WorkspaceFile[] {
  const before = files.find((file) => file.path === path)?.content.trimEnd() ?? '';
  const content = before === '' ? `${text}\n` : `${before}\n\n${text}\n`;
  return [...files.filter((file) => file.path !== path), { path, content }];
}
