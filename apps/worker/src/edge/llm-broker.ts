import { Agent as HttpAgent, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { handleDemoModel } from '#libs/demo-model';
import { DomainError, type ErrorKind } from '#libs/kernel';
import { type HistogramMetric, Logger, Metrics } from '#libs/observability';
import { type Provider, SecretsService } from '#libs/secrets';
import { AgentGate } from './agent-gate.js';
import { answerJson } from './answer.js';
import { CallSlots } from './call-slots.js';
import { bearerOf } from './credentials.js';
import { forward } from './forward.js';
import { passErrorBack } from './provider-error.js';
import { WIRE_FORMATS, type WireFormat, providerHeaders, providerUrl } from './providers.js';

const MAX_BODY_BYTES = 32 * 1024 * 1024;
const STATUS: Partial<Record<ErrorKind, number>> = {
  unauthenticated: 401,
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

/**
 * Stands between agents and providers: lets in only the present instance of an agent, puts the real key in the place of
 * its token and streams both ways. Neither bodies nor keys are kept or logged.
 */
@Injectable()
export class LlmBroker implements OnApplicationShutdown {
  private readonly agents = {
    'http:': new HttpAgent({ keepAlive: true, maxSockets: Infinity, maxFreeSockets: 256 }),
    'https:': new HttpsAgent({ keepAlive: true, maxSockets: Infinity, maxFreeSockets: 256 }),
  };
  private readonly slots: CallSlots;
  private readonly answered: HistogramMetric<'provider' | 'outcome'>;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(AgentGate) private readonly gate: AgentGate,
    @Inject(SecretsService) private readonly secrets: SecretsService,
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
      if (route.provider === 'demo') await this.demo(req, res, measure);
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

  private async demo(req: IncomingMessage, res: ServerResponse, measure: Measure): Promise<void> {
    this.slots.take((await this.gate.admit(req, bearerOf(req))).agentId, res);
    measure('answered');
    await handleDemoModel(req, res);
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
    const holder = await this.gate.admit(req, format.credentialOf(req));
    this.slots.take(holder.agentId, res);
    const key = await this.secrets.providerKey(holder, call.provider);
    if (key === undefined) throw missingKey(format);
    if (Number(req.headers['content-length'] ?? 0) > MAX_BODY_BYTES) throw tooLarge();
    this.pass(req, res, { call, format, key, measure });
  }

  private pass(req: IncomingMessage, res: ServerResponse, { call, format, key, measure }: Admitted): void {
    const url = providerUrl(this.config.providers[call.provider].baseUrl, call.path, call.query);
    forward(req, res, {
      url,
      headers: providerHeaders(req, format, key),
      agent: this.agents[url.protocol === 'https:' ? 'https:' : 'http:'],
      maxBodyBytes: MAX_BODY_BYTES,
      onAnswer: (answer) => {
        const status = answer.statusCode ?? 502;
        measure(status < 400 ? 'answered' : 'failed');
        if (status < 300) return false;
        passErrorBack(answer, res, format, key);
        return true;
      },
      onUnreachable: (error) => {
        measure('unreachable');
        this.logger.warn('a provider cannot be reached', { provider: call.provider, code: error.code });
        const message = `${format.title} cannot be reached just now (${error.code ?? 'connection failed'})`;
        answerJson(res, 502, format.errorBody(502, 'provider_unreachable', message));
      },
      onTooLarge: () => this.refuse(res, format, tooLarge()),
    });
  }

  private refuse(res: ServerResponse, format: WireFormat, error: unknown): void {
    const known = error instanceof DomainError ? error : undefined;
    if (!known) this.logger.error('the broker failed', { error });
    const status = known?.code === 'payload_too_large' ? 413 : (STATUS[known?.kind ?? 'internal'] ?? 500);
    const message = known?.message ?? 'The broker failed';
    const headers: Record<string, string> = status === 503 ? { 'retry-after': '1' } : {};
    answerJson(res, status, format.errorBody(status, known?.code ?? 'internal', message), headers);
  }
}

type Measure = (outcome: string) => void;
type BrokerCall = BrokerRoute & { readonly provider: Provider };

interface Admitted {
  readonly call: BrokerCall;
  readonly format: WireFormat;
  readonly key: string;
  readonly measure: Measure;
}

const missingKey = ({ title, secret, variable }: WireFormat): DomainError =>
  new DomainError(
    'unauthenticated',
    'missing_api_key',
    `There is no ${title} key: set the secret ${secret} on the agent, its swarm or its organisation, or ${variable} on the platform`,
  );

const tooLarge = (): DomainError =>
  new DomainError('payload_too_large', 'payload_too_large', 'The request is larger than 32 MiB');
