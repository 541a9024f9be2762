import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ChatRequest, parseChatRequest } from '../chat-request.js';
import { type CompletionWriter, type EndEvent, StreamedCompletion, WholeCompletion } from '../completion-writer.js';
import { GatewayError } from '../gateway-error.js';
import type { ChatDoor } from '../gateway.js';
import { log } from '../log.js';
import { readJson } from '../request-body.js';
import type { ActiveTurn, ActiveTurns } from './active-turns.js';
import type { OpenclawClient, OpenclawMessage } from './openclaw-client.js';
import { OWNER_AGENT, PEERS_AGENT } from './openclaw-config.js';
import type { OpenclawSettings } from './openclaw-settings.js';
import type { SessionBook, SessionEntry } from './session-book.js';
import type { WorkspaceFiles } from './workspace-files.js';

const MAX_BODY_BYTES = 4 * 1024 * 1024;
const MAX_TURNS_AT_ONCE = 32;
const CLIENT_LEFT = new Error('the client left');

/** What a turn needs. */
export interface OpenclawParts {
  readonly settings: OpenclawSettings;
  readonly client: OpenclawClient;
  readonly sessions: SessionBook;
  readonly files: WorkspaceFiles;
  readonly turns: ActiveTurns;
}

/** Answers `POST /v1/chat/completions` as the house runtime does, with OpenClaw's words. */
export class OpenclawChat implements ChatDoor {
  private isWarm = false;

  constructor(private readonly parts: OpenclawParts) {}

  /** True once chats may begin. */
  get isReady(): boolean {
    return this.isWarm;
  }

  abortAll(): void {
    this.parts.turns.failAll(new GatewayError(503, 'agent_stopping', 'The agent is being stopped.'));
  }

  /** One turn in a session of its own, so that the first real one does not wait for what OpenClaw loads late. Never rejects. */
  async warmUp(): Promise<void> {
    const startedAt = performance.now();
    const { client, settings } = this.parts;
    const agent = settings.sharedMode ? PEERS_AGENT : OWNER_AGENT;
    const sessionKey = `agent:${agent}:warm-up-${randomBytes(8).toString('hex')}`;
    const messages = [{ role: 'user' as const, content: 'Answer with the one word: ready' }];
    const turn = { agent, sessionKey, messages, temperature: undefined, maxTokens: 16 };
    const failure = new AbortController();
    const active = { sessionKey, fail: (error: GatewayError) => failure.abort(error) };
    this.parts.turns.add(active);
    try {
      const signal = AbortSignal.any([failure.signal, AbortSignal.timeout(settings.warmUpTimeoutMs)]);
      for await (const event of client.chat(turn, signal)) void event;
      log('info', `warmed up in ${Math.round(performance.now() - startedAt)} ms`);
    } catch (error) {
      log('warn', `the warm-up chat failed (${codeOf(error)}); the first chat may take longer`);
    } finally {
      this.parts.turns.delete(active);
      this.isWarm = true;
    }
  }

  /** @throws GatewayError as long as the answer has not begun */
  async handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    if (!this.isWarm) throw new GatewayError(503, 'agent_starting', 'The agent is starting.');
    if (this.parts.turns.size >= MAX_TURNS_AT_ONCE) {
      throw new GatewayError(503, 'agent_busy', 'The agent is answering as many messages as it can; try again later.');
    }
    const request = parseChatRequest(req.headers, await readJson(req, MAX_BODY_BYTES));
    if (request.key?.peer && !this.parts.settings.servesPeers) throw peersRefused(this.parts.settings.version);
    await this.answer(request, this.recall(request), res);
  }

  /** Which of OpenClaw's sessions goes on, after making sure that it holds what the caller means. */
  private recall({ key, turn, refill, earlier }: ChatRequest): SessionEntry {
    if (!key) return { key: `once-${randomBytes(12).toString('hex')}`, count: earlier.length };
    if (refill) return this.parts.sessions.fresh(key, Math.max(turn ?? 0, earlier.length));
    const known = this.parts.sessions.read(key);
    if (turn === undefined || turn === known.count) return known;
    throw new GatewayError(
      409,
      'history_required',
      `This agent knows ${known.count} messages of the session, not ${turn}; repeat with x-rookery-refill: 1 and the earlier messages.`,
    );
  }

  private async answer(request: ChatRequest, entry: SessionEntry, res: ServerResponse): Promise<void> {
    const { sessions, settings, turns, files } = this.parts;
    const agent = request.key?.peer || settings.sharedMode ? PEERS_AGENT : OWNER_AGENT;
    const stop = new AbortController();
    const turn: ActiveTurn = { sessionKey: `agent:${agent}:${entry.key}`, fail: (error) => stop.abort(error) };
    res.once('close', () => {
      if (!res.writableFinished) this.left(request, stop);
    });
    files.sync();
    // OpenClaw may have taken the message in although the turn failed: only a whole turn lets the session go on
    if (request.key) sessions.forget(request.key);
    const writer = new (request.stream ? StreamedCompletion : WholeCompletion)(res, settings.model.model);
    const startedAt = performance.now();
    turns.add(turn);
    try {
      writer.begin();
      const end = await this.stream(request, { agent, sessionKey: turn.sessionKey }, writer, stop.signal);
      if (request.key) sessions.keep(request.key, { key: entry.key, count: entry.count + 2 });
      writer.end(end);
      log('info', `turn completed in ${since(startedAt)}, ${end.usage.inputTokens}+${end.usage.outputTokens} tokens`);
    } catch (error) {
      log(error === CLIENT_LEFT ? 'info' : 'error', `turn ended after ${since(startedAt)}: ${codeOf(error)}`);
      if (error === CLIENT_LEFT || res.destroyed) res.destroy();
      else writer.fail(error instanceof GatewayError ? error : internal());
    } finally {
      turns.delete(turn);
    }
  }

  private left({ key }: ChatRequest, stop: AbortController): void {
    stop.abort(CLIENT_LEFT);
    if (key) this.parts.sessions.forget(key);
  }

  private async stream(
    request: ChatRequest,
    where: { readonly agent: string; readonly sessionKey: string },
    writer: CompletionWriter,
    signal: AbortSignal,
  ): Promise<EndEvent> {
    const { temperature, maxTokens } = this.parts.settings.model;
    const asked = { ...where, messages: messagesOf(request), temperature, maxTokens };
    let usage = { inputTokens: 0, outputTokens: 0 };
    for await (const event of this.parts.client.chat(asked, signal)) {
      if (event.kind === 'usage') usage = event;
      else await writer.text(event.text, signal);
    }
    signal.throwIfAborted();
    const { inputTokens, outputTokens } = usage;
    return { kind: 'end', finishReason: 'stop', usage: { inputTokens, outputTokens, cachedTokens: undefined } };
  }
}

/** OpenClaw shows earlier messages to the model as data in front of the new one. */
function messagesOf(request: ChatRequest): OpenclawMessage[] {
  const earlier = request.refill || !request.key ? request.earlier : [];
  return [
    ...request.instructions.map((content) => ({ role: 'system' as const, content })),
    ...earlier.map(({ role, text }) => ({ role, content: text })),
    { role: 'user' as const, content: request.message },
  ];
}

const peersRefused = (version: string): GatewayError =>
  new GatewayError(
    409,
    'peers_unsupported',
    `OpenClaw ${version} is not known to keep peers apart; use a version named in docs/runtimes.md, or the house runtime.`,
  );

const internal = (): GatewayError => new GatewayError(500, 'internal_error', 'The agent failed to answer.');
const codeOf = (error: unknown): string =>
  error instanceof GatewayError ? error.code : error instanceof Error ? error.message : 'unknown';
const since = (at: number): string => `${Math.round(performance.now() - at)} ms`;
