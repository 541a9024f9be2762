import { mkdir, open, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const NAME = /^checkpoints-(\d{4}-\d{2}-\d{2})\.jsonl$/;
const DAY_MS = 86_400_000;

/** Files of signed lines, one a day. Several programs may append to one folder. */
export class CheckpointFiles {
  constructor(readonly folder: string) {}

  /** Appends and waits until it is on the disk. Lines begin with a line break, so that a torn one spoils no other. */
  async append(day: string, lines: readonly string[]): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    const file = await open(join(this.folder, `checkpoints-${day}.jsonl`), 'a', 0o600);
    try {
      await file.appendFile(`\n${lines.join('\n')}\n`);
      await file.datasync();
    } finally {
      await file.close();
    }
  }

  /** Leaves the key that verifies the files beside them. */
  async keepPublicKey(id: string, pem: string): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    await writeFile(join(this.folder, `public-key-${id}.pem`), pem, { mode: 0o644 });
  }

  /** Paths, oldest day first; none when there is no folder. */
  async list(): Promise<string[]> {
    return (await this.names()).map((name) => join(this.folder, name));
  }

  /** Deletes the files of days that ended before a time. */
  async deleteBefore(before: Date): Promise<void> {
    const old = (await this.names()).filter((name) => dayOf(name) + DAY_MS <= before.getTime());
    for (const name of old) await rm(join(this.folder, name), { force: true });
  }

  private async names(): Promise<string[]> {
    const names = await readdir(this.folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    return names.filter((name) => NAME.test(name)).sort();
  }
}

const dayOf = (name: string): number => Date.parse(NAME.exec(name)?.[1] ?? '');
