import { Agent as HttpAgent, type ClientRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { handleDemoModel } from '#libs/demo-model';
import { DomainError, type ErrorKind } from '#libs/kernel';
import { type HistogramMetric, Logger, Metrics } from '#libs/observability';
import { type Provider, SecretsService } from '#libs/secrets';
import { BUDGET_EXCEEDED } from '#libs/usage';
import { AgentGate } from './agent-gate.js';
import { answerJson } from '../http/answer.js';
import { BodyReader, tooLarge } from './body-reader.js';
import { CallSlots } from './call-slots.js';
import { bearerOf } from './credentials.js';
import { forward } from './forward.js';
import { isMetered, readModelCall } from './metering/model-call.js';
import { ModelCalls, type OpenCall } from './metering/model-calls.js';
import { passErrorBack } from './provider-error.js';
import { WIRE_FORMATS, type WireFormat, providerHeaders, providerUrl } from './providers.js';
import { SilenceTimer } from './silence-timer.js';

const MAX_BODY_BYTES = 32 * 1024 * 1024;
const EVENT_STREAM = 'text/event-stream';
const TIMED_OUT = 'provider_timeout';
const MAX_HELD_BYTES = 512 * 1024 * 1024;
const STATUS: Partial<Record<ErrorKind, number>> = {
  validation: 400,
  unauthenticated: 401,
  plan_limit: 402,
  unavailable: 503,
  not_found: 404,
  rate_limited: 429,
};

/** Where a call goes: `/llm/<provider>/<path>?<query>`. */
export interface BrokerRoute {
  readonly provider: Provider | 'demo';
  readonly path: string;
  readonly query: URLSearchParams;
}

/** What the broker works with. */
@Injectable()
export class BrokerParts {
  constructor(
    @Inject(AgentGate) readonly gate: AgentGate,
    @Inject(SecretsService) readonly secrets: SecretsService,
    @Inject(ModelCalls) readonly calls: ModelCalls,
  ) {}
}

/**
 * Stands between agents and providers: lets in only the present instance of an agent, holds its calls to the budgets, puts
 * the real key in the place of its token and streams the answer. Neither bodies nor keys are kept or logged.
 */
@Injectable()
export class LlmBroker implements OnApplicationShutdown {
  private readonly agents = {
    'http:': new HttpAgent({ keepAlive: true, maxSockets: Infinity, maxFreeSockets: 256 }),
    'https:': new HttpsAgent({ keepAlive: true, maxSockets: Infinity, maxFreeSockets: 256 }),
  };
  private readonly slots: CallSlots;
  private readonly bodies = new BodyReader(MAX_BODY_BYTES, MAX_HELD_BYTES);
  private readonly answered: HistogramMetric<'provider' | 'outcome'>;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(BrokerParts) private readonly parts: BrokerParts,
    @Inject(Logger) private readonly logger: Logger,
    @Inject(Metrics) metrics: Metrics,
  ) {
    this.slots = new CallSlots(config.edge.callsPerAgent);
    this.answered = metrics.histogram(
      'rookery_broker_answer_seconds',
      "From an agent's model call to the first byte of the answer, by provider and outcome",
      ['provider', 'outcome'],
    );
  }

  async handle(req: IncomingMessage, res: ServerResponse, route: BrokerRoute): Promise<void> {
    const format = WIRE_FORMATS[route.provider === 'demo' ? 'openai' : route.provider];
    const startedAt = performance.now();
    const measure = (outcome: string): void =>
      this.answered.observe({ provider: route.provider, outcome }, (performance.now() - startedAt) / 1000);
    try {
      if (route.provider === 'demo') await this.demo(req, res, route, measure);
      else await this.broker(req, res, { ...route, provider: route.provider }, measure);
    } catch (error) {
      measure('refused');
      this.refuse(res, format, error);
    }
  }

  onApplicationShutdown(): void {
    this.agents['http:'].destroy();
    this.agents['https:'].destroy();
  }

  private async demo(req: IncomingMessage, res: ServerResponse, route: BrokerRoute, measure: Measure): Promise<void> {
    const token = bearerOf(req);
    if (!isMetered(req.method, 'demo', route.path)) {
      this.slots.take((await this.parts.gate.admit(req, token)).agentId, res);
      measure('answered');
      return handleDemoModel(req, res);
    }
    const admitted = await this.admit(req, res, route, token);
    if (!admitted) return;
    measure('answered');
    const { opened } = admitted;
    opened.isSent = true;
    const silence = this.silence(res, WIRE_FORMATS.openai, opened);
    await handleDemoModel(req, res, {
      body: opened.body,
      onAnswered: (text) => {
        silence.heard();
        opened.read(text.startsWith('data:') ? EVENT_STREAM : undefined).feed(Buffer.from(text));
      },
    });
    opened.status = res.statusCode;
  }

  private async broker(req: IncomingMessage, res: ServerResponse, call: BrokerCall, measure: Measure): Promise<void> {
    const format = WIRE_FORMATS[call.provider];
    if (!format.paths.some((path) => path.test(`${req.method} ${call.path}`))) {
      throw new DomainError(
        'not_found',
        'not_found',
        `The broker does not pass ${req.method} on to this ${format.title} path`,
      );
    }
    const token = format.credentialOf(req);
    if (Number(req.headers['content-length'] ?? 0) > MAX_BODY_BYTES) throw tooLarge(MAX_BODY_BYTES);
    const metered = isMetered(req.method, call.provider, call.path);
    const admitted = metered
      ? await this.admit(req, res, call, token)
      : { holder: await this.parts.gate.admit(req, token), opened: undefined };
    if (!admitted) return;
    if (!metered) this.slots.take(admitted.holder.agentId, res);
    const key = await this.parts.secrets.providerKey(admitted.holder, call.provider);
    if (key === undefined) throw missingKey(format);
    if (res.destroyed) return;
    this.pass(req, res, { call, format, key, measure, opened: admitted.opened });
  }

  /** Undefined when the agent left while its body was read. */
  private async admit(req: IncomingMessage, res: ServerResponse, { provider, path }: BrokerRoute, token?: string) {
    const claims = this.parts.gate.claimsOf(token);
    this.slots.take(claims.agentId, res);
    const body = await this.bodies.read(req, res);
    if (!body) return undefined;
    const call = readModelCall(provider, path, body);
    const plan = this.parts.calls.plan(call);
    const { holder, reservation } = await this.parts.gate.admitCall(req, claims, plan);
    return { holder, opened: this.parts.calls.begin(call, plan, reservation, res) };
  }

  private pass(req: IncomingMessage, res: ServerResponse, { call, format, key, measure, opened }: Admitted): void {
    const url = providerUrl(this.config.providers[call.provider].baseUrl, call.path, call.query);
    const headers = providerHeaders(req, format, key);
    if (opened) headers['content-length'] = opened.body.length;
    const upstream: ClientRequest | undefined = forward(req, res, {
      url,
      headers,
      agent: this.agents[url.protocol === 'https:' ? 'https:' : 'http:'],
      maxBodyBytes: MAX_BODY_BYTES,
      ...(opened && { body: opened.body }),
      onAnswer: (answer) => {
        const status = answer.statusCode ?? 502;
        if (opened) opened.status = status;
        measure(status < 400 ? 'answered' : 'failed');
        if (status < 300) return false;
        passErrorBack(answer, res, format, key);
        return true;
      },
      onPassed: (answer) => {
        const reader = opened?.read(answer.headers['content-type']);
        answer.on('data', (chunk: Buffer) => {
          silence.heard();
          reader?.feed(chunk);
        });
      },
      onUnreachable: (error) => {
        measure('unreachable');
        this.logger.warn('a provider cannot be reached', { provider: call.provider, code: error.code });
        const message = `${format.title} cannot be reached just now (${error.code ?? 'connection failed'})`;
        answerJson(res, 502, format.errorBody(502, 'provider_unreachable', message), errorName('provider_unreachable'));
      },
      onTooLarge: () => this.refuse(res, format, tooLarge(MAX_BODY_BYTES)),
    });
    if (opened) upstream?.once('finish', () => (opened.isSent = true));
    const silence = this.silence(res, format, opened, upstream);
  }

  /** Gives an answer up that stays away or stops, in the words of the provider where that is still possible. */
  private silence(res: ServerResponse, format: WireFormat, opened?: OpenCall, upstream?: ClientRequest): SilenceTimer {
    const { silenceTimeoutMs } = this.config.providers;
    return new SilenceTimer(silenceTimeoutMs, res, () => {
      const body = format.errorBody(504, TIMED_OUT, `${format.title} sent nothing for ${silenceTimeoutMs / 1000} s`);
      const event = format.errorEvent
        ? `event: ${format.errorEvent}
`
        : '';
      if (!res.headersSent) answerJson(res, 504, body, errorName(TIMED_OUT));
      else if (opened?.isStream)
        res.end(`${event}data: ${JSON.stringify(body)}

`);
      else res.destroy();
      upstream?.destroy();
    });
  }

  private refuse(res: ServerResponse, format: WireFormat, error: unknown): void {
    const known = error instanceof DomainError ? error : undefined;
    if (!known) this.logger.error('the broker failed', { error });
    const status = known?.code === 'payload_too_large' ? 413 : (STATUS[known?.kind ?? 'internal'] ?? 500);
    const code = known?.code ?? 'internal';
    const headers: Record<string, string> = status === 503 ? { 'retry-after': '1' } : {};
    if (code === BUDGET_EXCEEDED) headers['x-should-retry'] = 'false';
    const body = format.errorBody(status, code, known?.message ?? 'The broker failed');
    answerJson(res, status, body, { ...headers, ...errorName(code) });
  }
}

type Measure = (outcome: string) => void;
type BrokerCall = BrokerRoute & { readonly provider: Provider };

interface Admitted {
  readonly call: BrokerCall;
  readonly format: WireFormat;
  readonly key: string;
  readonly measure: Measure;
  readonly opened: OpenCall | undefined;
}

/** Tells errors of the broker from those of the provider, whatever form they have. */
const errorName = (code: string): Record<string, string> => ({ 'x-rookery-error': code });

const missingKey = ({ title, secret, variable }: WireFormat): DomainError =>
  new DomainError(
    'unauthenticated',
    'missing_api_key',
    `There is no ${title} key: set the secret ${secret} on the agent, its swarm or its organisation, or ${variable} on the platform`,
  );
