import { Inject, Injectable } from '@nestjs/common';
import { KeyedMutex } from '#libs/containers';
import { isDatabaseDown } from '#libs/database';
import { InstallCommits } from './install-commits.js';
import { SkillContents } from './skill-contents.js';
import { type ClaimedInstall, InstallLostError, installError, mayPass } from './skill-install.js';
import { SkillInstallsRepository } from './skill-installs.repository.js';
import { PlacingHost, SkillPlacer } from './skill-placer.js';

const AT_ONCE = 4;
const MOST_ATTEMPTS = 4;
const FIRST_RETRY_SECONDS = 1;
/** One attempt may take this long, the building of requirements included. */
const DEADLINE_MS = 15 * 60_000;

/** Installs skills on agents of this host: whole, or not at all. Repeating any part of it changes nothing. */
@Injectable()
export class SkillInstaller {
  private readonly busy = new Set<string>();
  private readonly claiming = new KeyedMutex();

  constructor(
    @Inject(PlacingHost) private readonly host: PlacingHost,
    @Inject(SkillInstallsRepository) private readonly installs: SkillInstallsRepository,
    @Inject(SkillContents) private readonly contents: SkillContents,
    @Inject(InstallCommits) private readonly commits: InstallCommits,
    @Inject(SkillPlacer) private readonly placer: SkillPlacer,
  ) {}

  /** Works on one installation if it is due. */
  async install(installId: string, signal: AbortSignal): Promise<void> {
    for (const install of await this.claim(1, installId)) await this.work(install, signal);
  }

  /** Works on all that are due, those that a dead worker left among them. */
  async sweep(signal: AbortSignal): Promise<void> {
    const installs = await this.claim(Math.max(0, AT_ONCE - this.busy.size));
    await Promise.all(installs.map((install) => this.work(install, signal)));
  }

  private claim(limit: number, id?: string): Promise<ClaimedInstall[]> {
    return this.claiming.run('', async () => {
      const claimed = await this.installs.claim(this.host.session, [...this.busy], limit, id);
      for (const install of claimed) this.busy.add(install.id);
      return claimed;
    });
  }

  private async work(install: ClaimedInstall, signal: AbortSignal): Promise<void> {
    const deadline = AbortSignal.timeout(DEADLINE_MS);
    try {
      await this.steps(install, AbortSignal.any([signal, deadline]));
    } catch (error) {
      // what a stopping worker leaves, the next one takes up
      if (error instanceof InstallLostError || signal.aborted) return;
      if (isDatabaseDown(error)) throw error;
      await this.failed(install, error, signal).catch((failure: unknown) => {
        if (!(failure instanceof InstallLostError)) throw failure;
      });
    } finally {
      this.busy.delete(install.id);
    }
  }

  private async steps(install: ClaimedInstall, signal: AbortSignal): Promise<void> {
    const { skill, tools } = await this.contents.obtain(install, (step) => this.installs.reach(install, step), signal);
    await this.host.sources.exclusively(install.agentId, async () => {
      await this.commits.enable(install, skill, tools);
      await this.placer.placeUnderLock(install.agentId, signal, install.skillId);
    });
    await this.commits.finish(install);
  }

  private async failed(install: ClaimedInstall, error: unknown, signal: AbortSignal): Promise<void> {
    const { agentId, skillId, attempts } = install;
    this.host.logger.warn('A skill was not installed', { agentId, skillId, attempts, error });
    if (mayPass(error) && attempts < MOST_ATTEMPTS) {
      return this.installs.retryLater(install, installError(error), FIRST_RETRY_SECONDS * 2 ** (attempts - 1));
    }
    await this.commits.rollBack(install, installError(error));
    await this.placer.placeAll(agentId, signal);
  }
}
