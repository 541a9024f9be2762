import { join } from 'node:path';
import { log } from '../log.js';
import { entriesOf, readPlainText, realFolder, statusOf } from '../workspace/folders.js';
import { isSkillName, readSkillHead, type SkillHead } from './skill-file.js';

const FOLDER = 'skills';
const MAX_SKILLS = 100;
const MAX_SKILL_FILE_BYTES = 256 * 1024;

interface Shelved {
  /** Changes when the file does. */
  readonly stamp: string;
  /** Undefined for one that is broken. */
  readonly head: SkillHead | undefined;
}

/** The skills that lie in `skills/<name>/SKILL.md` now; parsed again only when their file changes. */
export class SkillShelf {
  private shelved = new Map<string, Shelved>();

  constructor(private readonly workspace: string) {}

  /** Sorted by name, at most 100. A broken one is left out, which is logged once. */
  async list(): Promise<SkillHead[]> {
    const found = new Map<string, Shelved>();
    for (const name of this.folders()) {
      const shelved = await this.shelve(name);
      if (shelved) found.set(name, shelved);
    }
    this.shelved = found;
    return [...found.values()].flatMap(({ head }) => (head ? [head] : []));
  }

  /** The folder of a skill, undefined when there is none. */
  folderOf(name: string): string | undefined {
    return isSkillName(name) ? realFolder(this.workspace, FOLDER, name) : undefined;
  }

  private folders(): string[] {
    const folder = realFolder(this.workspace, FOLDER);
    if (folder === undefined) return [];
    return entriesOf(folder)
      .map(({ name }) => name)
      .filter((name) => !name.startsWith('.'))
      .slice(0, MAX_SKILLS);
  }

  private async shelve(name: string): Promise<Shelved | undefined> {
    const file = join(this.workspace, FOLDER, name, 'SKILL.md');
    const status = statusOf(file);
    const stamp = status ? `${status.ino} ${status.size} ${status.mtimeMs} ${status.ctimeMs}` : 'absent';
    const known = this.shelved.get(name);
    if (known?.stamp === stamp) return known;
    try {
      return { stamp, head: await readSkillHead(this.textOf(name), name) };
    } catch (error) {
      log('warn', `skill ${name} is skipped: ${error instanceof Error ? error.message : 'unreadable'}`);
      return { stamp, head: undefined };
    }
  }

  private textOf(name: string): string {
    const folder = this.folderOf(name);
    if (folder === undefined) throw new Error('its folder is none, or not named as a skill');
    const file = readPlainText(join(folder, 'SKILL.md'), MAX_SKILL_FILE_BYTES);
    if (!file) throw new Error('it has no SKILL.md that is a text');
    if (file.sizeBytes > MAX_SKILL_FILE_BYTES) throw new Error(`SKILL.md is larger than ${MAX_SKILL_FILE_BYTES} bytes`);
    return file.text;
  }
}
