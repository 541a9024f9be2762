import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';

const FILES = ['SOUL.md', 'IDENTITY.md', 'WORKFLOW.md'] as const;
const MAX_FILE_BYTES = 64 * 1024;
/** Node's permission model follows links out of the workspace, and a pipe would block: neither is opened. */
const PLAIN_FILE = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * The system prompt: the agent's name, what stands in SOUL.md, IDENTITY.md and WORKFLOW.md now (64 KiB of each at most),
 * then `parts` (rules, skills, memory) and the caller's instructions for this turn. Read for every turn, so an edit acts
 * on the next one.
 */
export async function readPersona(
  workspace: string,
  agentName: string,
  parts: readonly string[],
  instructions: readonly string[],
): Promise<string> {
  const texts = await Promise.all(FILES.map((file) => readStart(join(workspace, file))));
  const sections = FILES.flatMap((file, index) => (texts[index] ? [`# ${file}\n\n${texts[index]}`] : []));
  const context = instructions.map((text) => text.trim()).filter((text) => text !== '');
  return [
    `Agent name: ${agentName}`,
    ...(sections.length > 0 ? sections : ['You help the people who write to you, briefly and truthfully.']),
    ...parts.filter((part) => part !== ''),
    ...(context.length > 0 ? [`# Context of this message\n\n${context.join('\n\n')}`] : []),
  ].join('\n\n');
}

async function readStart(path: string): Promise<string> {
  try {
    await using file = await open(path, PLAIN_FILE);
    const status = await file.stat();
    if (!status.isFile()) return '';
    const size = Math.min(status.size, MAX_FILE_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size), 0, size, 0);
    // A cut in the middle of a character leaves one replacement character at most.
    return buffer
      .toString('utf8', 0, bytesRead)
      .replace(/\uFFFD$/, '')
      .trim();
  } catch {
    // Absent, or not a file the agent may read: either way it says nothing about who the agent is.
    return '';
  }
}
