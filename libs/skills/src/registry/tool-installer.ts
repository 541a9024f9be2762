import { Inject, Injectable } from '@nestjs/common';
import { AgentCommands } from '#libs/agents';
import { KeyedMutex, toolsDigest } from '#libs/containers';
import { Database, type Tx, isDatabaseDown } from '#libs/database';
import { DomainError } from '#libs/kernel';
import { InstallerLog } from './installer-log.js';
import { ToolHost } from './tool-host.js';
import { type ClaimedToolInstall, ToolInstallLostError } from './tool-install.js';
import { ToolTables } from './tool-tables.js';

const AT_ONCE = 2;
/** A worker that dies while it works on something is not given it more often than this. */
const MOST_ATTEMPTS = 3;

/** Installs and uninstalls tools of organisations on this host. What it has done it tells in one transaction, or nothing is done. */
@Injectable()
export class ToolInstaller {
  private readonly busy = new Set<string>();
  private readonly claiming = new KeyedMutex();

  constructor(
    @Inject(ToolHost) private readonly host: ToolHost,
    @Inject(Database) private readonly database: Database,
    @Inject(ToolTables) private readonly tables: ToolTables,
    @Inject(AgentCommands) private readonly commands: AgentCommands,
  ) {}

  /** Does one piece of work if it is this host's. */
  async run(id: string, signal: AbortSignal): Promise<void> {
    for (const work of await this.claim(1, id)) await this.work(work, signal);
  }

  /** Does all that is due, what a dead worker left among it. */
  async sweep(signal: AbortSignal): Promise<void> {
    const due = await this.claim(Math.max(0, AT_ONCE - this.busy.size));
    await Promise.all(due.map((work) => this.work(work, signal)));
  }

  private claim(limit: number, id?: string): Promise<ClaimedToolInstall[]> {
    return this.claiming.run('', async () => {
      const claimed = await this.tables.installs.claim(this.host.session, [...this.busy], limit, id);
      for (const work of claimed) this.busy.add(work.id);
      return claimed;
    });
  }

  private async work(work: ClaimedToolInstall, signal: AbortSignal): Promise<void> {
    try {
      await (work.action === 'install' ? this.install(work, signal) : this.uninstall(work));
    } catch (error) {
      // what a stopping worker leaves, the next one takes up
      if (error instanceof ToolInstallLostError || signal.aborted) return;
      if (isDatabaseDown(error)) throw error;
      this.host.logger.warn('A tool was not installed', { tool: work.name, error });
      await this.database.transaction((tx) => this.tables.installs.end(tx, work, reasonOf(error))).catch(lostIsFine);
    } finally {
      this.busy.delete(work.id);
    }
  }

  private async install(work: ClaimedToolInstall, signal: AbortSignal): Promise<void> {
    const { request, timeoutSeconds, attempts, name } = work;
    const { tools } = this.host.runtime;
    if (request === null || tools === null) throw failure('This host installs nothing');
    if (attempts > MOST_ATTEMPTS)
      throw failure(`Its host was stopped ${MOST_ATTEMPTS} times while it installed ${name}`);
    const patience = AbortSignal.timeout(timeoutSeconds * 1000);
    const log = new InstallerLog((lines) => this.tables.installs.say(work, lines));
    try {
      await tools.build(request, { signal: AbortSignal.any([signal, patience]), log: (line) => log.add(line) });
    } catch (error) {
      throw patience.aborted && !signal.aborted ? failure(`It took longer than ${timeoutSeconds} s`) : error;
    } finally {
      await log.end();
    }
    const digest = toolsDigest(request);
    await this.database.transaction(async (tx) => {
      await this.tables.installs.end(tx, work, null);
      await this.tables.tools.save(tx, work, this.host.session.id, { name, digest, request });
      await this.tables.hosts.has(tx, this.host.session.id, digest);
      await this.flagUsers(tx, work);
    });
  }

  /** The files go with the sweep of the host, once nobody has them mounted. */
  private async uninstall(work: ClaimedToolInstall): Promise<void> {
    await this.tables.installs.say(work, [`Took ${work.name} from the workspace`]);
    await this.database.transaction(async (tx) => {
      await this.tables.installs.end(tx, work, null);
      await this.tables.tools.remove(tx, work, work.name);
      await this.flagUsers(tx, work);
    });
  }

  /** Agents find tools, or lose them, when they are made anew. */
  private async flagUsers(tx: Tx, work: ClaimedToolInstall): Promise<void> {
    for (const agentId of await this.tables.tools.users(tx, work, work.name)) {
      await this.commands.touch(tx, work, agentId, `skills/${work.name}`, 'system').catch(goneIsFine);
    }
  }
}

const failure = (message: string): DomainError => new DomainError('unprocessable', 'tools_failed', message);

const reasonOf = (error: unknown): string =>
  error instanceof DomainError ? error.message : 'Something went wrong on the host; its log says more';

function lostIsFine(error: unknown): void {
  if (!(error instanceof ToolInstallLostError)) throw error;
}

function goneIsFine(error: unknown): void {
  if (!(error instanceof DomainError && error.kind === 'not_found')) throw error;
}
