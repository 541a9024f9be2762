import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ChatRequest, parseChatRequest } from './chat-request.js';
import { type CompletionWriter, type EndEvent, StreamedCompletion, WholeCompletion } from './completion-writer.js';
import type { Conversations } from './conversation/conversations.js';
import { GatewayError } from './gateway-error.js';
import { log } from './log.js';
import type { ModelClient, ModelTurn } from './model-client.js';
import { readPersona } from './persona.js';
import { readJson } from './request-body.js';
import type { AgentSettings } from './settings.js';
import type { Toolbox } from './tools/toolbox.js';
import type { Transcript } from './transcript-cache.js';

const MAX_TURNS_AT_ONCE = 128;
const MAX_BODY_BYTES = 8 * 1024 * 1024;

/** Answers `POST /v1/chat/completions`. */
export class ChatHandler {
  private readonly running = new Set<AbortController>();

  constructor(
    private readonly settings: AgentSettings,
    private readonly conversations: Conversations,
    private readonly toolbox: Toolbox,
    private readonly model: ModelClient,
  ) {}

  get activeTurns(): number {
    return this.running.size;
  }

  /** Ends every running turn with an error frame. */
  abortAll(): void {
    const error = new GatewayError(503, 'agent_stopping', 'The agent is being stopped.');
    for (const turn of this.running) turn.abort(error);
  }

  /** @throws GatewayError as long as the answer has not begun */
  async handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    if (this.running.size >= MAX_TURNS_AT_ONCE) {
      throw new GatewayError(503, 'agent_busy', 'The agent is answering as many messages as it can; try again later.');
    }
    const turn = new AbortController();
    this.running.add(turn);
    res.once('close', () => {
      if (!res.writableFinished) turn.abort(CLIENT_LEFT);
    });
    try {
      const request = parseChatRequest(req.headers, await readJson(req, MAX_BODY_BYTES));
      await this.answer(request, res, turn.signal);
    } finally {
      this.running.delete(turn);
    }
  }

  private async answer(request: ChatRequest, res: ServerResponse, signal: AbortSignal): Promise<void> {
    const known = this.conversations.recall(request);
    const writer = new (request.stream ? StreamedCompletion : WholeCompletion)(res, this.settings.model.model);
    const record = new TurnRecord(request.key?.session);
    try {
      signal.throwIfAborted();
      writer.begin();
      const turn = await this.prepare(request, known, signal);
      const { text, end } = await this.stream(turn, writer, record, signal);
      this.conversations.remember(request, known.count, text, res);
      writer.end(end);
      record.completed(end);
    } catch (error) {
      record.failed(error);
      if (error instanceof GatewayError) writer.fail(error);
      else if (error === CLIENT_LEFT || res.destroyed) res.destroy();
      else writer.fail(new GatewayError(500, 'internal_error', 'The agent failed to answer.'));
    }
  }

  private async prepare(request: ChatRequest, known: Transcript, signal: AbortSignal): Promise<ModelTurn> {
    const { workspace, agentName } = this.settings;
    const [prompt, { tools, sections }] = await Promise.all([
      this.conversations.open(request, known, signal),
      this.toolbox.equip({ peer: request.peer, session: request.key?.session }, signal),
    ]);
    const instructions = await readPersona(workspace, agentName, sections, request.instructions, request.peer !== '');
    return { instructions, messages: prompt, tools };
  }

  private async stream(
    turn: ModelTurn,
    writer: CompletionWriter,
    record: TurnRecord,
    signal: AbortSignal,
  ): Promise<{ text: string; end: EndEvent }> {
    let text = '';
    for await (const event of this.model.reply(turn, signal)) {
      if (event.kind === 'end') return { text, end: event };
      record.began();
      text += event.text;
      await writer.text(event.text, signal);
    }
    signal.throwIfAborted();
    throw new GatewayError(502, 'provider_error', 'The AI provider ended its answer too early.');
  }
}

const CLIENT_LEFT = new Error('the client left');

/** Times one turn for the log, which never holds what was said. */
class TurnRecord {
  private readonly startedAt = performance.now();
  private firstTextAt: number | undefined;
  private readonly where: string;

  constructor(session: string | undefined) {
    this.where = session === undefined ? 'without session' : `in session ${session}`;
  }

  began(): void {
    this.firstTextAt ??= performance.now();
  }

  completed(end: EndEvent): void {
    const first = this.firstTextAt === undefined ? '' : `, first text after ${this.since(this.firstTextAt)}`;
    log(
      'info',
      `turn ${this.where} completed in ${this.took()}${first}, ${end.usage.inputTokens}+${end.usage.outputTokens} tokens`,
    );
  }

  failed(error: unknown): void {
    if (error === CLIENT_LEFT) log('info', `turn ${this.where} cancelled by the client after ${this.took()}`);
    else log('error', `turn ${this.where} failed after ${this.took()}: ${failureName(error)}`);
  }

  private took(): string {
    return this.since(performance.now());
  }

  private since(at: number): string {
    return `${Math.round(at - this.startedAt)} ms`;
  }
}

const failureName = (error: unknown): string =>
  error instanceof GatewayError ? error.code : error instanceof Error ? error.name : 'unknown';
