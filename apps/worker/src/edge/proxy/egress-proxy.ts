import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import { EgressPolicy, type RefusedHostData } from '#libs/agents';
import { Egress, EgressError, matchesHost, namesHost } from '#libs/egress';
import { DomainError } from '#libs/kernel';
import { type CounterMetric, Logger, Metrics } from '#libs/observability';
import { type AdmittedAgent, AgentGate } from '../agent-gate.js';
import { answerJson } from '../../http/answer.js';
import { endToEndHeaders, forward } from '../forward.js';
import { GuardedAgent } from './guarded-agent.js';
import { refusalOf, refuseConnect } from './proxy-answer.js';
import { type ProxyTarget, absoluteTarget, connectTarget, proxyToken } from './proxy-request.js';
import { Refusals } from './refusals.js';
import { type Connector, RegistryAccess } from './registry-access.js';
import { TunnelWatch } from './tunnel-watch.js';
import type { Tunnel } from './tunnels.js';

/** Nothing in either direction for this long ends a tunnel. */
const IDLE_MS = 5 * 60_000;
const REPLACED: ReadonlySet<string> = new Set(['host']);
const NOTHING_DROPPED: ReadonlySet<string> = new Set();

/** What the proxy asks before it connects. */
@Injectable()
export class ProxyRules {
  constructor(
    @Inject(AgentGate) private readonly gate: AgentGate,
    @Inject(EgressPolicy) private readonly policy: EgressPolicy,
    @Inject(Refusals) private readonly refusals: Refusals,
    @Inject(RegistryAccess) private readonly registries: RegistryAccess,
    @Inject(Egress) private readonly egress: Egress,
  ) {}

  /** @throws DomainError `unauthenticated` without a living agent's egress token, `forbidden` for a host that is not approved. */
  async admit(req: IncomingMessage, target: ProxyTarget): Promise<AdmittedAgent> {
    const token = proxyToken(req);
    const build = this.registries.admit(token, target);
    if (build) return build;
    const agent = await this.gate.admitOut(req, token);
    const approved = (await this.policy.standing([agent.agentId])).get(agent.agentId)?.approved ?? [];
    if (matchesHost(approved, target.host, target.port)) return agent;
    const reason = namesHost(approved, target.host) ? 'port_not_approved' : 'host_not_approved';
    await this.refusals.note(agent, target, reason);
    throw notApproved(target, reason);
  }

  /** Agents connect to addresses that were checked; installations to registries, which the operator named. */
  connectorOf({ agentId }: AdmittedAgent): Connector {
    return RegistryAccess.isBuild(agentId) ? this.registries : this.egress;
  }

  /** Writes down that an approved name leads to an address that is not public. */
  async failed(agent: AdmittedAgent, target: ProxyTarget, error: unknown): Promise<void> {
    if (!(error instanceof EgressError) || error.code !== 'egress_address_refused') return;
    await this.refusals.note(agent, target, 'address_refused');
  }
}

/**
 * The only way out of a docker agent's network: HTTP CONNECT, and plain requests in absolute form, to hosts that are
 * approved for the agent, on addresses that the guarded fetch would connect to. What passes is counted, not read or kept.
 */
@Injectable()
export class EgressProxy {
  private readonly bytes: CounterMetric<'direction'>;
  private readonly requests: CounterMetric<'outcome'>;

  constructor(
    @Inject(ProxyRules) private readonly rules: ProxyRules,
    @Inject(TunnelWatch) private readonly watch: TunnelWatch,
    @Inject(Logger) private readonly logger: Logger,
    @Inject(Metrics) metrics: Metrics,
  ) {
    this.bytes = metrics.counter('rookery_egress_bytes_total', 'Bytes through the egress proxy', ['direction']);
    this.requests = metrics.counter('rookery_egress_requests_total', 'Requests to the egress proxy', ['outcome']);
    metrics.gauge('rookery_egress_tunnels', 'Connections open through the egress proxy', [], (gauge) =>
      gauge.set({}, watch.tunnels.size),
    );
  }

  /** `CONNECT host:port`; answers on the bare connection. */
  async connect(req: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy());
    try {
      const target = connectTarget(req.url);
      const agent = await this.rules.admit(req, target);
      const tunnel = this.watch.tunnels.open(agent, target);
      socket.once('close', () => tunnel.close());
      const upstream = await this.reach(tunnel);
      this.requests.inc({ outcome: 'connected' });
      this.join(tunnel, socket, upstream, head);
    } catch (error) {
      refuseConnect(socket, this.refusal(error));
    }
  }

  /** `GET http://host/path` and the like. */
  async handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    try {
      const target = absoluteTarget(req.url);
      const agent = await this.rules.admit(req, target);
      if (!res.destroyed) this.pass(req, res, this.watch.tunnels.open(agent, target), target.url);
    } catch (error) {
      this.refuse(res, error);
    }
  }

  private async reach(tunnel: Tunnel): Promise<Socket> {
    const { host, port } = tunnel.target;
    try {
      return await this.rules.connectorOf(tunnel.agent).connect(host, port, tunnel.signal);
    } catch (error) {
      tunnel.close();
      await this.rules.failed(tunnel.agent, tunnel.target, error);
      throw error;
    }
  }

  /** Both ways with back-pressure, until one side ends, nothing moves any more, or the agent may not. */
  private join(tunnel: Tunnel, socket: Duplex, upstream: Socket, head: Buffer): void {
    const end = (): void => {
      tunnel.close();
      socket.destroy();
      upstream.destroy();
    };
    tunnel.signal.addEventListener('abort', end, { once: true });
    for (const side of [socket, upstream]) side.once('close', end).on('error', end);
    upstream.setTimeout(IDLE_MS, end);
    if (tunnel.signal.aborted || socket.destroyed || upstream.destroyed) return end();
    socket.on('data', (bytes: Buffer) => this.bytes.inc({ direction: 'out' }, bytes.length));
    upstream.on('data', (bytes: Buffer) => this.bytes.inc({ direction: 'in' }, bytes.length));
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    if (head.length > 0) upstream.write(head);
    socket.pipe(upstream).pipe(socket);
  }

  private pass(req: IncomingMessage, res: ServerResponse, tunnel: Tunnel, url: URL): void {
    tunnel.signal.addEventListener('abort', () => res.destroy(), { once: true });
    res.once('close', () => tunnel.close());
    res.setTimeout(IDLE_MS, () => res.destroy());
    req.on('data', (bytes: Buffer) => this.bytes.inc({ direction: 'out' }, bytes.length));
    forward(req, res, {
      url,
      headers: endToEndHeaders(req, REPLACED),
      agent: new GuardedAgent(this.rules.connectorOf(tunnel.agent), tunnel.target, tunnel.signal),
      maxBodyBytes: Number.POSITIVE_INFINITY,
      droppedFromAnswer: NOTHING_DROPPED,
      onAnswer: (answer) => {
        this.requests.inc({ outcome: 'connected' });
        answer.on('data', (bytes: Buffer) => this.bytes.inc({ direction: 'in' }, bytes.length));
        return false;
      },
      onUnreachable: (error) => void this.unreachable(res, tunnel, error),
      onTooLarge: () => undefined,
    });
  }

  private async unreachable(res: ServerResponse, tunnel: Tunnel, error: Error): Promise<void> {
    await this.rules.failed(tunnel.agent, tunnel.target, error);
    this.refuse(res, error instanceof DomainError ? error : cutOff(tunnel.target.host));
  }

  private refuse(res: ServerResponse, error: unknown): void {
    const { status, code, message, headers } = this.refusal(error);
    answerJson(res, status, { error: { code, message } }, headers);
  }

  private refusal(error: unknown): ReturnType<typeof refusalOf> {
    const refusal = refusalOf(error);
    if (refusal.status === 500) this.logger.error('the egress proxy failed', { error });
    this.requests.inc({ outcome: refusal.code });
    return refusal;
  }
}

function notApproved({ host, port }: ProxyTarget, reason: RefusedHostData['reason']): DomainError {
  const what = reason === 'port_not_approved' ? `Port ${port} of ${host}` : host;
  const how = 'add it to config.egress.allowHosts, or install a skill that declares it';
  return new DomainError('forbidden', 'egress_host_refused', `${what} is not approved for this agent: ${how}`);
}

const cutOff = (host: string): EgressError => new EgressError('egress_unreachable', `${host} broke the connection off`);
