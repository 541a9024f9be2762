import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { Egress } from '#libs/egress';
import type { SkillFile } from '../skill.js';
import { skillSourceMissing } from '../skills.errors.js';
import { findFolder } from '../verified-folder.js';
import { ArchiveSource } from './archive-source.js';
import { FolderSource } from './folder-source.js';
import { NpmSource } from './npm-source.js';
import type { OriginOf, SkillOrigin, SkillSource } from './skill-source.js';

/** Every place that skills come from. */
@Injectable()
export class SkillSources {
  private readonly npm: NpmSource | undefined;
  private readonly sources: readonly SkillSource[];

  constructor(@Inject(CONFIG) { skills }: Config, @Inject(Egress) egress: Egress) {
    this.npm = skills.npmRegistry === undefined ? undefined : new NpmSource(egress, skills.npmRegistry);
    this.sources = [
      new FolderSource('verified', findFolder()),
      new FolderSource('folder', skills.folder),
      new ArchiveSource(egress),
      ...(this.npm ? [this.npm] : []),
    ];
  }

  /** @throws what the source throws; DomainError `unprocessable` for a kind of source that is not set up. */
  fetch(origin: SkillOrigin, signal: AbortSignal): Promise<readonly SkillFile[]> {
    const source = this.sources.find(({ kind }) => kind === origin.kind);
    if (!source) throw skillSourceMissing(origin.kind);
    return source.fetch(origin, signal);
  }

  /** Which version a package is now. @throws as `NpmSource.resolve` does, and as `fetch` where there is no registry. */
  npmPackage(spec: string, signal: AbortSignal): Promise<OriginOf<'npm'>> {
    if (!this.npm) throw skillSourceMissing('npm');
    return this.npm.resolve(spec, signal);
  }
}
