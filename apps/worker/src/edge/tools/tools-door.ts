import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { DomainError, type ErrorKind } from '#libs/kernel';
import { type HistogramMetric, Logger, Metrics } from '#libs/observability';
import type { KeyHolder } from '#libs/secrets';
import { AgentGate } from '../agent-gate.js';
import { answerError, answerJson } from '../../http/answer.js';
import { bearerOf } from '../credentials.js';
import { DoorTools } from './door-tools.js';
import { readToolRequest } from './tool-request.js';

const CALL_TIMEOUT_MS = 30_000;
/** Calls of one agent at a time. */
const MOST_CALLS = 16;

const STATUS: Record<ErrorKind, number> = {
  validation: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  conflict: 409,
  agent_not_running: 409,
  payload_too_large: 413,
  unsupported_media_type: 415,
  unprocessable: 422,
  rate_limited: 429,
  plan_limit: 403,
  internal: 500,
  upstream_failed: 502,
  no_capacity: 503,
  unavailable: 503,
};

/** `GET /door/tools` and `POST /door/tools/<name>`: who calls is who the token belongs to, whatever the body says. */
@Injectable()
export class ToolsDoor {
  private readonly answered: HistogramMetric<'tool' | 'outcome'>;
  private readonly open = new Map<string, number>();

  constructor(
    @Inject(AgentGate) private readonly gate: AgentGate,
    @Inject(DoorTools) private readonly tools: DoorTools,
    @Inject(Logger) private readonly logger: Logger,
    @Inject(Metrics) metrics: Metrics,
  ) {
    this.answered = metrics.histogram('rookery_door_tool_seconds', 'Time of a tool call at the agent door', [
      'tool',
      'outcome',
    ]);
  }

  /** @param name - undefined for the list. Never rejects. */
  async handle(req: IncomingMessage, res: ServerResponse, name: string | undefined): Promise<void> {
    const tool = name === undefined ? 'list' : this.tools.has(name) ? name : 'unknown';
    const startedAt = performance.now();
    const measure = (outcome: string): void =>
      this.answered.observe({ tool, outcome }, (performance.now() - startedAt) / 1_000);
    try {
      answerJson(res, 200, await this.answer(req, res, name));
      measure('answered');
    } catch (error) {
      measure('refused');
      this.refuse(req, res, error);
    }
  }

  private async answer(req: IncomingMessage, res: ServerResponse, name: string | undefined): Promise<object> {
    const method = name === undefined ? 'GET' : 'POST';
    if (req.method !== method) throw new DomainError('method_not_allowed', 'method_not_allowed', `Use ${method}`);
    const agent = await this.gate.admit(req, bearerOf(req));
    if (name === undefined) return { tools: this.tools.offered() };
    return this.limited(agent, () => this.call(req, res, agent, name));
  }

  private async call(req: IncomingMessage, res: ServerResponse, agent: KeyHolder, name: string): Promise<object> {
    const { input, peerId } = await readToolRequest(req);
    const gone = new AbortController();
    const leave = (): void => gone.abort();
    res.once('close', leave);
    const timeout = AbortSignal.timeout(CALL_TIMEOUT_MS);
    const signal = AbortSignal.any([gone.signal, timeout]);
    try {
      return { output: await within(signal, this.tools.run(name, { agent, input, peerId, signal })) };
    } finally {
      res.off('close', leave);
    }
  }

  private async limited<T>(agent: KeyHolder, work: () => Promise<T>): Promise<T> {
    const open = this.open.get(agent.agentId) ?? 0;
    if (open >= MOST_CALLS) throw new DomainError('rate_limited', 'rate_limited', 'Too many calls at a time');
    this.open.set(agent.agentId, open + 1);
    try {
      return await work();
    } finally {
      const left = (this.open.get(agent.agentId) ?? 1) - 1;
      if (left > 0) this.open.set(agent.agentId, left);
      else this.open.delete(agent.agentId);
    }
  }

  private refuse(req: IncomingMessage, res: ServerResponse, error: unknown): void {
    // What is left of an over-long body is not read; the connection goes with it.
    if (!req.complete) res.setHeader('connection', 'close');
    if (error instanceof DomainError && error.kind !== 'internal') {
      return answerError(res, STATUS[error.kind], error.code, error.message);
    }
    if (res.destroyed) return;
    this.logger.error('a door tool failed', { error });
    answerError(res, 500, 'internal_error', 'The tool failed on our side');
  }
}

/** What `work` gives, unless the signal fires first. */
async function within<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  let stop: () => void = () => undefined;
  const over = new Promise<never>((_resolve, reject) => {
    stop = () => reject(new DomainError('unavailable', 'tool_timeout', 'The tool took too long; try again'));
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, over]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
