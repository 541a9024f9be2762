import { Inject, Injectable } from '@nestjs/common';
import { Database, type Sql, type Tx } from '#libs/database';
import { type Caller, type Page, type Scope, conflict, isUuid, notFound, requireScope } from '#libs/kernel';
import type { Agent } from '../agent.js';
import { AgentCommands } from '../agent-commands.js';
import { agentNotFound, agentNotRunning } from '../agents.errors.js';
import { AgentsRepository } from '../agents.repository.js';
import { defaultFiles } from '../default-files.js';
import type { AgentFile, FileVersion, RuleFile, WriteOptions, WrittenFile } from './agent-file.js';
import { AgentFilesRepository } from './agent-files.repository.js';
import {
  type DocumentPath,
  type FilePath,
  MOST_RULES,
  PERSONALITY_FILES,
  type PersonalityFile,
  fileHash,
  requireGoodContent,
  rulePath,
} from './file-rules.js';

const MOST_VERSION = 2_147_483_647;

/**
 * The files of an agent's workspace that users edit. What is written here is what the agent's next instance gets; a
 * running agent is flagged (`needsRestart`). Each content that is overwritten or deleted is kept, 50 of a file.
 */
@Injectable()
export class AgentFilesService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(AgentsRepository) private readonly agents: AgentsRepository,
    @Inject(AgentFilesRepository) private readonly files: AgentFilesRepository,
    @Inject(AgentCommands) private readonly commands: AgentCommands,
  ) {}

  /** The documents asked for, in that order; one that was never written is empty. @throws DomainError `not_found`. */
  async documents<const P extends readonly DocumentPath[]>(
    caller: Caller,
    agentId: string,
    ...paths: P
  ): Promise<{ readonly [K in keyof P]: AgentFile }> {
    requireScope(caller, 'agents:read');
    await this.agent(caller, agentId);
    const found = await this.files.find(caller, agentId, paths);
    return paths.map((path) => found.get(path) ?? unwritten(path)) as { readonly [K in keyof P]: AgentFile };
  }

  /** @throws DomainError `not_found`, `agent_not_running`. */
  async workflow(caller: Caller, agentId: string): Promise<{ workflow: AgentFile; rules: RuleFile[] }> {
    requireScope(caller, 'agents:read');
    if ((await this.agent(caller, agentId)).status !== 'running') throw agentNotRunning();
    const [[workflow], rules] = await Promise.all([
      this.documents(caller, agentId, 'WORKFLOW.md'),
      this.files.rules(caller, agentId),
    ]);
    return { workflow, rules };
  }

  /**
   * Replaces SOUL.md or WORKFLOW.md; `field` is what its content is called in complaints.
   * @throws DomainError `not_found`, `validation`, `conflict` when it is not the content with `expectedHash` any more.
   */
  async writeDocument(
    caller: Caller,
    agentId: string,
    path: DocumentPath,
    content: string,
    options: WriteOptions & { readonly field: string },
  ): Promise<WrittenFile> {
    this.requireWriter(caller, agentId);
    requireGoodContent(content, options.field);
    return this.database.transaction((tx) => this.write(tx, caller, agentId, { path, content }, options));
  }

  /** Those of the personality files that exist, in their usual order. @throws DomainError `not_found`. */
  async personality(caller: Caller, agentId: string): Promise<AgentFile[]> {
    requireScope(caller, 'agents:read');
    await this.agent(caller, agentId);
    const found = await this.files.find(caller, agentId, PERSONALITY_FILES);
    return PERSONALITY_FILES.flatMap((path) => found.get(path) ?? []);
  }

  /**
   * Writes personality files together; those that somebody has written are left as they are unless `force`.
   * @throws DomainError `not_found`, `validation`.
   */
  async writePersonality(
    caller: Caller,
    agentId: string,
    contents: Readonly<Partial<Record<PersonalityFile, string>>>,
    { force = false }: { readonly force?: boolean } = {},
  ): Promise<void> {
    this.requireWriter(caller, agentId);
    for (const content of Object.values(contents)) requireGoodContent(content, 'content');
    const untouched: Readonly<Record<string, string>> = defaultFiles((await this.agent(caller, agentId)).name);
    await this.database.transaction(async (tx) => {
      await this.commands.touch(tx, caller, agentId, 'personality', caller.subject);
      const present = await this.files.find(caller, agentId, PERSONALITY_FILES, tx);
      for (const path of PERSONALITY_FILES) {
        const content = contents[path];
        const former = present.get(path)?.content;
        if (content === undefined || (former !== undefined && former !== untouched[path] && !force)) continue;
        await this.files.write(tx, caller, agentId, { path, content, writer: caller.subject });
      }
    });
  }

  /** Its content is kept as a version. @throws DomainError `not_found` for agent and file. */
  async removeDocument(caller: Caller, agentId: string, path: PersonalityFile): Promise<void> {
    this.requireWriter(caller, agentId);
    await this.database.transaction(async (tx) => {
      await this.commands.touch(tx, caller, agentId, path, caller.subject);
      if (!(await this.files.remove(tx, caller, agentId, path))) throw notFound(path);
    });
  }

  /** Removes every personality file; their contents are kept as versions. @returns how many there were. */
  async removePersonality(caller: Caller, agentId: string): Promise<number> {
    this.requireWriter(caller, agentId);
    return this.database.transaction(async (tx) => {
      await this.commands.touch(tx, caller, agentId, 'personality', caller.subject);
      let removed = 0;
      for (const path of PERSONALITY_FILES) removed += Number(await this.files.remove(tx, caller, agentId, path));
      return removed;
    });
  }

  async rules(caller: Caller, agentId: string): Promise<RuleFile[]> {
    requireScope(caller, 'agents:read');
    await this.agent(caller, agentId);
    return this.files.rules(caller, agentId);
  }

  /** @throws DomainError `not_found` for agent and rule, `validation` for a name that is none. */
  async rule(caller: Caller, agentId: string, name: string): Promise<AgentFile> {
    requireScope(caller, 'agents:read');
    const path = rulePath(name);
    await this.agent(caller, agentId);
    const file = (await this.files.find(caller, agentId, [path])).get(path);
    if (!file) throw notFound('Rule');
    return file;
  }

  /** @throws DomainError `not_found`, `validation`, `conflict` when there are 100 rules already. */
  async writeRule(caller: Caller, agentId: string, name: string, content: string): Promise<WrittenFile> {
    const path = rulePath(name);
    this.requireWriter(caller, agentId);
    requireGoodContent(content, 'content');
    return this.database.transaction(async (tx) => {
      const written = await this.write(tx, caller, agentId, { path, content });
      if ((await this.files.rules(caller, agentId, tx)).length <= MOST_RULES) return written;
      throw conflict('too_many_rules', `An agent has at most ${MOST_RULES} rules; delete one first`);
    });
  }

  /** Its content is kept as a version. @throws DomainError `not_found` for agent and rule, `validation`. */
  async removeRule(caller: Caller, agentId: string, name: string): Promise<{ needsRestart: boolean }> {
    const path = rulePath(name);
    this.requireWriter(caller, agentId);
    return this.database.transaction(async (tx) => {
      const needsRestart = await this.commands.touch(tx, caller, agentId, path, caller.subject);
      if (!(await this.files.remove(tx, caller, agentId, path))) throw notFound('Rule');
      return { needsRestart };
    });
  }

  /** Every content there is to go back to, newest first, the present one among them. */
  async versions(caller: Caller, agentId: string, path: DocumentPath): Promise<Page<FileVersion>> {
    requireScope(caller, 'agents:read');
    await this.agent(caller, agentId);
    const items = await this.files.versions(caller, agentId, path);
    return { items, total: items.length };
  }

  /** The file as it was. @throws DomainError `not_found` when that is not kept. */
  async version(caller: Caller, agentId: string, path: DocumentPath, version: number): Promise<AgentFile> {
    requireScope(caller, 'agents:read');
    await this.agent(caller, agentId);
    return this.kept(this.database, caller, agentId, path, version);
  }

  /** Writes a former content anew, as a version of its own. @throws DomainError `not_found` when it is not kept. */
  async restore(
    caller: Caller,
    agentId: string,
    path: DocumentPath,
    version: number,
    options: WriteOptions = {},
  ): Promise<WrittenFile> {
    this.requireWriter(caller, agentId);
    await this.agent(caller, agentId);
    return this.database.transaction(async (tx) => {
      const { content } = await this.kept(tx, caller, agentId, path, version);
      return this.write(tx, caller, agentId, { path, content }, options);
    });
  }

  private async kept(on: Sql, scope: Scope, agentId: string, path: FilePath, version: number): Promise<AgentFile> {
    const possible = Number.isInteger(version) && version >= 1 && version <= MOST_VERSION;
    const file = possible ? await this.files.version(scope, agentId, path, version, on) : undefined;
    if (!file) throw notFound('Version');
    return file;
  }

  /** Flagging first takes the lock on the agent's row, so writers of one agent take turns. */
  private async write(
    tx: Tx,
    caller: Caller,
    agentId: string,
    { path, content }: { readonly path: FilePath; readonly content: string },
    { expectedHash }: WriteOptions = {},
  ): Promise<WrittenFile> {
    const needsRestart = await this.commands.touch(tx, caller, agentId, path, caller.subject);
    const wanted = { path, content, writer: caller.subject };
    const file = await this.files.write(tx, caller, agentId, wanted, expectedHash);
    if (file) return { file, needsRestart };
    throw conflict('stale_content', `${path} has changed since it was read; read it again and repeat the change`);
  }

  private requireWriter(caller: Caller, agentId: string): void {
    requireScope(caller, 'agents:write');
    if (!isUuid(agentId)) throw agentNotFound();
  }

  private async agent(scope: Scope, id: string): Promise<Agent> {
    const agent = isUuid(id) ? await this.agents.find(scope, id) : undefined;
    if (!agent) throw agentNotFound();
    return agent;
  }
}

const unwritten = (path: string): AgentFile => ({
  path,
  content: '',
  sha256: fileHash(''),
  version: 0,
  updatedAt: null,
});
