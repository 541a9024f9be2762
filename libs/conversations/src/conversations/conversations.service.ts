import { Inject, Injectable } from '@nestjs/common';
import { agentNotFound } from '#libs/agents';
import { Database, type Tx } from '#libs/database';
import { type Caller, DomainError, type Page, isUuid, newId, notFound, requireScope, roleAtLeast } from '#libs/kernel';
import { conversationArchived, runInProgress } from '../conversations.errors.js';
import { SessionsRepository } from '../sessions.repository.js';
import type { Conversation, CreateConversation, ListConversations } from './conversation.js';
import { ConversationsRepository, type LockedConversation } from './conversations.repository.js';

/**
 * The conversations of a user with agents. Whoever belongs to the organisation but is not its owner is `forbidden`; to everybody
 * else it does not exist. Every use case needs the scope `chat`.
 */
@Injectable()
export class ConversationsService {
  constructor(
    @Inject(ConversationsRepository) private readonly rows: ConversationsRepository,
    @Inject(SessionsRepository) private readonly sessions: SessionsRepository,
    @Inject(Database) private readonly database: Database,
  ) {}

  /** The caller's own, newest first. @throws DomainError `forbidden` for another workspace. */
  async list(caller: Caller, query: ListConversations): Promise<Page<Conversation>> {
    requireScope(caller, 'chat');
    requireWorkspace(caller, query.workspaceId);
    return this.rows.list(caller, userOf(caller), query);
  }

  /**
   * @param id - for a request that may be repeated: when the caller has this conversation already, it is the answer.
   * @throws DomainError `not_found` (agent, workspace, user), `forbidden`, `conflict` code `conversation_exists`.
   */
  async create(caller: Caller, input: CreateConversation, id: string = newId()): Promise<Conversation> {
    requireScope(caller, 'chat');
    const made = await this.rows.find(caller, id);
    if (made) return made;
    if (input.workspaceId !== undefined && input.workspaceId !== caller.orgId) throw notFound('Workspace');
    await this.requireAgent(caller, input.agentId);
    const ownerUserId = await this.ownerFor(caller, input.userId);
    const owner = ownerUserId === caller.userId ? caller.subject : `user:${ownerUserId}`;
    return this.rows.insert(caller, { ...input, id, owner, ownerUserId });
  }

  /** @throws DomainError `not_found`, `forbidden` for a colleague's. */
  async get(caller: Caller, id: string): Promise<Conversation> {
    requireScope(caller, 'chat');
    const found = isUuid(id) ? await this.rows.find(caller, id) : undefined;
    if (!found) throw conversationNotFound();
    if (found.userId !== userOf(caller)) {
      throw new DomainError('forbidden', 'not_owner', 'This conversation belongs to another user');
    }
    return found;
  }

  /** It is gone from every list at once; its messages are erased later. */
  async remove(caller: Caller, id: string): Promise<void> {
    await this.change(caller, id, (tx, { sessionId }) => this.rows.setStatus(tx, caller, sessionId, 'DELETED'));
  }

  /** Archiving it again changes nothing. @throws DomainError `conflict` while its agent is answering. */
  async archive(caller: Caller, id: string): Promise<Conversation> {
    await this.change(caller, id, async (tx, { sessionId, status, isAnswering }) => {
      if (status === 'ARCHIVED') return;
      if (isAnswering) throw runInProgress();
      await this.rows.setStatus(tx, caller, sessionId, 'ARCHIVED');
    });
    return this.get(caller, id);
  }

  /**
   * Hands it over to another agent, which is shown what was said at its first turn.
   * @throws DomainError `not_found` for either, `conflict` when archived or while its agent is answering.
   */
  async attachAgent(caller: Caller, id: string, agentId: string): Promise<Conversation> {
    await this.get(caller, id);
    await this.requireAgent(caller, agentId);
    await this.change(caller, id, async (tx, locked) => {
      if (locked.agentId === agentId) return;
      requireOpen(locked);
      await this.rows.move(tx, caller, locked.sessionId, agentId);
    });
    return this.get(caller, id);
  }

  private async change(
    caller: Caller,
    id: string,
    work: (tx: Tx, locked: LockedConversation) => Promise<void>,
  ): Promise<void> {
    await this.get(caller, id);
    await this.database.transaction(async (tx) => {
      const locked = await this.rows.lock(tx, caller, id);
      if (!locked) throw conversationNotFound();
      await work(tx, locked);
    });
  }

  private async requireAgent(caller: Caller, agentId: string): Promise<void> {
    if (!isUuid(agentId) || !(await this.sessions.agentExists(caller, agentId))) throw agentNotFound();
  }

  private async ownerFor(caller: Caller, userId: string | undefined): Promise<string> {
    const own = userOf(caller);
    if (userId === undefined || userId === own) return own;
    if (!roleAtLeast(caller.role, 'ADMIN')) {
      throw new DomainError('forbidden', 'forbidden', 'Only owners and admins begin conversations of other users');
    }
    if (!(await this.rows.isMember(caller, userId))) throw notFound('User');
    return userId;
  }
}

const conversationNotFound = (): DomainError => notFound('Conversation');

/** @throws DomainError `conflict` when it is archived or its agent is answering. */
export function requireOpen({ status, isAnswering }: LockedConversation): void {
  if (status === 'ARCHIVED') throw conversationArchived();
  if (isAnswering) throw runInProgress();
}

function userOf(caller: Caller): string {
  if (caller.userId !== undefined) return caller.userId;
  throw new DomainError('forbidden', 'forbidden', "Conversations belong to users; this credential is nobody's");
}

function requireWorkspace(caller: Caller, workspaceId: string | undefined): void {
  if (workspaceId === undefined || workspaceId === caller.orgId) return;
  throw new DomainError('forbidden', 'forbidden', 'This workspace is not yours');
}
