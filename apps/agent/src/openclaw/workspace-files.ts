import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Files OpenClaw puts into every prompt as they are. */
const SHARED = ['SOUL.md', 'IDENTITY.md'] as const;
const MOST_BYTES = 256 * 1024;

/**
 * Puts what Rookery writes for an agent where OpenClaw looks for it. SOUL.md and IDENTITY.md have the same name there;
 * WORKFLOW.md and the rules become AGENTS.md. The owner's agent gets a list of the rules and reads them with its tools; the
 * peers' agent has none, so it gets copies in a folder without anything else, and the rules in full.
 */
export class WorkspaceFiles {
  constructor(
    private readonly workspace: string,
    readonly peersWorkspace: string,
  ) {}

  /** Writes what differs; called before every turn, so that an edit acts at once. */
  sync(): void {
    mkdirSync(this.peersWorkspace, { recursive: true, mode: 0o700 });
    const rules = this.rules();
    const workflow = read(join(this.workspace, 'WORKFLOW.md')) ?? '';
    put(join(this.workspace, 'AGENTS.md'), agentsFile(workflow, rules.map(({ name }) => `- rules/${name}`).join('\n')));
    const inFull = rules.map(({ name, text }) => `### ${name}\n\n${text}`).join('\n\n');
    put(join(this.peersWorkspace, 'AGENTS.md'), agentsFile(workflow, inFull));
    for (const name of SHARED) {
      const text = read(join(this.workspace, name));
      if (text === undefined) rmSync(join(this.peersWorkspace, name), { force: true });
      else put(join(this.peersWorkspace, name), text);
    }
  }

  private rules(): { name: string; text: string }[] {
    const folder = join(this.workspace, 'rules');
    return names(folder).flatMap((name) => {
      const text = name.endsWith('.md') ? read(join(folder, name)) : undefined;
      return text === undefined ? [] : [{ name, text }];
    });
  }
}

const agentsFile = (workflow: string, rules: string): string =>
  `${workflow.trim()}\n\n## Rules\n\nProcedures to follow when they fit:\n\n${rules || '(none)'}\n`;

function put(file: string, text: string): void {
  if (read(file) !== text) writeFileSync(file, text, { mode: 0o600 });
}

function read(file: string): string | undefined {
  try {
    const bytes = readFileSync(file);
    return bytes.length > MOST_BYTES ? undefined : bytes.toString('utf8');
  } catch {
    return undefined;
  }
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder).sort().slice(0, 200);
  } catch {
    return [];
  }
}
