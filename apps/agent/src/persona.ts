import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';

/** In every prompt, with the most bytes that are read of each. */
const FILES: readonly (readonly [name: string, mostBytes: number])[] = [
  ['SOUL.md', 64 * 1024],
  ['IDENTITY.md', 64 * 1024],
  ['WORKFLOW.md', 64 * 1024],
  ['AGENTS.md', 16 * 1024],
  ['TOOLS.md', 16 * 1024],
];
/** What only the agent's own people are to see a trace of: left out where it speaks with a peer. */
const PRIVATE_FILES: typeof FILES = [
  ['USER.md', 16 * 1024],
  ['HEARTBEAT.md', 16 * 1024],
  ['MEMORY.md', 16 * 1024],
];
/** Node's permission model follows links out of the workspace, and a pipe would block: neither is opened. */
const PLAIN_FILE = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * The system prompt: the agent's name, what its files say now, then `parts` (rules, skills, memory) and the caller's
 * instructions for this turn. Read for every turn, so an edit acts on the next one.
 * @param withPeer - the turn is with a peer, who is told nothing of the private files
 */
export async function readPersona(
  workspace: string,
  agentName: string,
  parts: readonly string[],
  instructions: readonly string[],
  withPeer = false,
): Promise<string> {
  const files = withPeer ? FILES : [...FILES, ...PRIVATE_FILES];
  const texts = await Promise.all(files.map(([name, mostBytes]) => readStart(join(workspace, name), mostBytes)));
  const sections = files.flatMap(([name], index) => (texts[index] ? [`# ${name}\n\n${texts[index]}`] : []));
  const context = instructions.map((text) => text.trim()).filter((text) => text !== '');
  return [
    `Agent name: ${agentName}`,
    ...(sections.length > 0 ? sections : ['You help the people who write to you, briefly and truthfully.']),
    ...parts.filter((part) => part !== ''),
    ...(context.length > 0 ? [`# Context of this message\n\n${context.join('\n\n')}`] : []),
  ].join('\n\n');
}

async function readStart(path: string, mostBytes: number): Promise<string> {
  try {
    await using file = await open(path, PLAIN_FILE);
    const status = await file.stat();
    if (!status.isFile()) return '';
    const size = Math.min(status.size, mostBytes);
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
