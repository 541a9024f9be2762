import { Inject, Injectable } from '@nestjs/common';
import { AgentsService, agentNotFound, agentNotRunning } from '#libs/agents';
import {
  type Caller,
  type DomainError,
  type Page,
  type Scope,
  isUuid,
  newId,
  notFound,
  prefixedId,
  requireScope,
} from '#libs/kernel';
import {
  type ChatEvent,
  type ChatMessage,
  type ChatRun,
  type ChatRunState,
  type ChatSession,
  type FollowOptions,
  HISTORY_DEFAULT_LIMIT,
  HISTORY_MAX_LIMIT,
  type HistoryQuery,
  type SendMessage,
} from './chat.js';
import { contextMessage, formatContext } from './context.js';
import { conversationArchived, peersUnsupported, shuttingDown } from './conversations.errors.js';
import { ownerOf, parseMessage, parseName, parsePeerId } from './chat-input.js';
import { RunPump } from './run-pump.js';
import { type OpenedRun, RunsService } from './runs.service.js';
import { SessionsRepository } from './sessions.repository.js';

/** Conversations of callers, or of their end users (peers), with agents. Every use case needs the scope `chat`. */
@Injectable()
export class ChatService {
  constructor(
    @Inject(AgentsService) private readonly agents: AgentsService,
    @Inject(SessionsRepository) private readonly sessionRows: SessionsRepository,
    @Inject(RunsService) private readonly runs: RunsService,
    @Inject(RunPump) private readonly pump: RunPump,
  ) {}

  /** True once the process was told to end: what is under way may finish, new messages are refused. */
  get isShuttingDown(): boolean {
    return this.pump.isShuttingDown;
  }

  /**
   * Stores the message with a new run, then asks the agent.
   * @param runId - for a request that may be repeated: when the agent has this run already, it is followed instead.
   * @throws DomainError `validation`; `not_found` for an unknown agent or session, or a session of another peer or
   *   credential; `agent_not_running`; `conflict` code `run_in_progress`; `unavailable`.
   */
  async send(caller: Caller, agentId: string, request: SendMessage, runId?: string): Promise<ChatRun> {
    requireScope(caller, 'chat');
    const made = runId === undefined ? undefined : await this.runs.find(caller, agentId, runId);
    if (made) return this.madeBefore(caller, agentId, made);
    const message = parseMessage(request.message);
    const peerId = parsePeerId(request.peerId);
    const context = formatContext(request.context);
    if (this.pump.isShuttingDown) throw shuttingDown();
    if (!isUuid(agentId)) throw agentNotFound();
    const onDisconnect = request.onDisconnect ?? 'cancel';
    const opened = await this.open(caller, agentId, {
      runId,
      message,
      peerId,
      onDisconnect,
      sessionId: request.sessionId,
    });
    const messages = [...contextMessage(context), { role: 'user' as const, content: message }];
    const scope: Scope = { orgId: caller.orgId };
    const run = this.pump.start({ ...opened, scope, peerId, messages, onDisconnect });
    return { runId: opened.runId, sessionId: opened.sessionId, events: (signal) => run.events(signal) };
  }

  /** How a run stands. @throws DomainError `not_found`. */
  async run(caller: Caller, agentId: string, runId: string): Promise<ChatRunState> {
    requireScope(caller, 'chat');
    return this.runs.get(caller, agentId, runId);
  }

  /**
   * Replays a run's reply after an offset and follows it to its end; works on every replica and after the run ended.
   * Leaving does not touch the run.
   * @throws DomainError `not_found`.
   */
  async *follow(caller: Caller, agentId: string, runId: string, options: FollowOptions): AsyncGenerator<ChatEvent> {
    requireScope(caller, 'chat');
    await this.runs.get(caller, agentId, runId);
    yield* this.runs.follow(caller, agentId, runId, options);
  }

  /**
   * Oldest first. Without `sessionId`: the messages of `peerId`, or without one those of this credential itself; never a
   * mix of peers. With `since` the first messages after it, else the newest.
   * @throws DomainError `not_found` for an unknown agent or session.
   */
  async history(caller: Caller, agentId: string, query: HistoryQuery = {}): Promise<Page<ChatMessage>> {
    requireScope(caller, 'chat');
    await this.requireAgent(caller, agentId);
    const peerId = parsePeerId(query.peerId);
    const { sessionId, since = null, limit = HISTORY_DEFAULT_LIMIT } = query;
    const session = sessionId === undefined ? undefined : await this.sessionRows.find(caller, agentId, sessionId);
    const isForeign = peerId !== undefined && session?.peerId !== peerId;
    if (sessionId !== undefined && (!session || isForeign)) throw notFound('Session');
    return this.sessionRows.history(caller, agentId, {
      sessionId: sessionId ?? null,
      owner: sessionId === undefined ? ownerOf(caller, peerId) : null,
      limit: Math.max(1, Math.min(limit, HISTORY_MAX_LIMIT)),
      since,
    });
  }

  /** The agent's sessions, newest first, at most 100; only one peer's when `peerId` is given. @throws DomainError `not_found`. */
  async sessions(caller: Caller, agentId: string, query: { peerId?: string } = {}): Promise<Page<ChatSession>> {
    requireScope(caller, 'chat');
    await this.requireAgent(caller, agentId);
    const peerId = parsePeerId(query.peerId);
    return this.sessionRows.list(caller, agentId, peerId === undefined ? null : ownerOf(caller, peerId));
  }

  /**
   * A new, empty session, from now on the default of this peer or credential.
   * @param key - a UUID, for a request that may be repeated: the session it made already is the answer.
   * @throws DomainError `validation`, `not_found`, `agent_not_running`.
   */
  async createSession(
    caller: Caller,
    agentId: string,
    request: { name?: string; peerId?: string } = {},
    key?: string,
  ): Promise<ChatSession> {
    requireScope(caller, 'chat');
    const id = key === undefined ? undefined : prefixedId('sess', key);
    const made = id === undefined || !isUuid(agentId) ? undefined : await this.sessionRows.find(caller, agentId, id);
    if (made) return made;
    const peerId = parsePeerId(request.peerId);
    const name = parseName(request.name);
    const { servesPeers } = await this.agents.gatewayTarget(caller, agentId);
    if (peerId !== undefined && !servesPeers) throw peersUnsupported();
    return this.sessionRows.insert(caller, {
      id,
      agentId,
      owner: ownerOf(caller, peerId),
      peerId: peerId ?? null,
      name: name ?? null,
      userId: caller.userId,
    });
  }

  private async open(caller: Caller, agentId: string, input: OpenInput): Promise<OpenedRun> {
    const owner = ownerOf(caller, input.peerId);
    const { runId = newId(), message, onDisconnect, sessionId = null } = input;
    const isPeer = input.peerId !== undefined;
    const wanted = { runId, agentId, owner, isPeer, sessionId, message, onDisconnect };
    const opened = await this.runs.open(caller, wanted);
    if (opened) return opened;
    const { servesPeers } = await this.agents.gatewayTarget(caller, agentId);
    if (isPeer && !servesPeers) throw peersUnsupported();
    if (sessionId !== null) throw await this.refusalOf(caller, agentId, sessionId, owner);
    const peerId = input.peerId ?? null;
    await this.sessionRows.ensureDefault(caller, { agentId, owner, peerId, name: null, userId: caller.userId });
    const second = await this.runs.open(caller, wanted);
    if (!second) throw agentNotRunning();
    return second;
  }

  private async refusalOf(scope: Scope, agentId: string, sessionId: string, owner: string): Promise<DomainError> {
    const session = await this.sessionRows.find(scope, agentId, sessionId);
    return session?.owner === owner && session.status === 'ARCHIVED' ? conversationArchived() : notFound('Session');
  }

  private madeBefore(caller: Caller, agentId: string, { id: runId, sessionId }: ChatRunState): ChatRun {
    return { runId, sessionId, events: (signal) => this.runs.follow(caller, agentId, runId, { signal }) };
  }

  private async requireAgent(scope: Scope, agentId: string): Promise<void> {
    if (!isUuid(agentId) || !(await this.sessionRows.agentExists(scope, agentId))) throw notFound('Agent');
  }
}

interface OpenInput {
  readonly runId: string | undefined;
  readonly message: string;
  readonly peerId: string | undefined;
  readonly sessionId: string | undefined;
  readonly onDisconnect: 'cancel' | 'continue';
}
