import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import { Inject, Injectable } from '@nestjs/common';
import { AuditLog } from '#libs/audit';
import type { Caller } from '#libs/kernel';
import { Logger } from '#libs/observability';
import { QueueRegistry } from '#libs/queue';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { PAGE_HEADERS } from '../pages/html.js';
import { AdminSessions } from './admin-sessions.js';
import { noticePage } from './login.page.js';

const BASE_PATH = '/admin/queues';
const REFRESH_MS = 5_000;
const SAFE = new Set(['GET', 'HEAD']);

/** The board's own page loads its scripts and styles from here and nothing from elsewhere. */
const BOARD_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
};

type BoardRequest = FastifyRequest & { admin?: Caller };

/** The Bull board for platform admins. It guards itself: Nest's guards do not run in a Fastify plugin. */
@Injectable()
export class QueueBoard {
  private readonly adapter = new FastifyAdapter();
  private readonly board: ReturnType<typeof createBullBoard>;
  private readonly log: Logger;
  private refreshedAtMs = 0;

  constructor(
    @Inject(AdminSessions) private readonly sessions: AdminSessions,
    @Inject(QueueRegistry) private readonly queues: QueueRegistry,
    @Inject(Logger) logger: Logger,
    @Inject(AuditLog) private readonly auditLog: AuditLog,
  ) {
    this.log = logger.child({ component: 'queue-board' });
    this.adapter.setBasePath(BASE_PATH);
    const uiConfig = {
      boardTitle: 'Rookery queues',
      boardLogo: { path: '/assets/icon.svg', width: 28, height: 28 },
      favIcon: { default: '/assets/icon.svg', alternative: '/assets/icon.svg' },
      hideDocsLink: true,
      miscLinks: [
        { text: 'Start page', url: '/' },
        { text: 'Sign out', url: '/admin/logout' },
      ],
    };
    this.board = createBullBoard({ queues: [], serverAdapter: this.adapter, options: { uiConfig } });
  }

  install(scope: FastifyInstance, done: () => void): void {
    scope.addHook('onRequest', async (request, reply) => this.guard(request, reply));
    scope.addHook('onSend', async (_request, reply, payload) => dress(reply, payload));
    scope.addHook('onResponse', async (request, reply) => this.audit(request, reply));
    void scope.register(this.adapter.registerPlugin());
    done();
  }

  private async guard(request: BoardRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
    const caller = await this.sessions.callerOf(request.headers.cookie);
    if (!caller) return refuse(request, reply, 401);
    if (!caller.isPlatformAdmin) return refuse(request, reply, 403);
    request.admin = caller;
    await this.refresh();
    return undefined;
  }

  /** Hosts come and go: the queues shown are those of the hosts there are. */
  private async refresh(): Promise<void> {
    if (Date.now() - this.refreshedAtMs < REFRESH_MS) return;
    this.refreshedAtMs = Date.now();
    const queues = await this.queues.queues();
    this.board.replaceQueues(queues.map((queue) => new BullMQAdapter(queue)));
  }

  private async audit(request: BoardRequest, reply: FastifyReply): Promise<void> {
    if (SAFE.has(request.method) || !request.admin) return;
    const { userId, orgId, subject } = request.admin;
    const [path = ''] = request.url.split('?', 1);
    const status = reply.statusCode;
    this.log.info('queue board action', { userId, orgId, method: request.method, path, status });
    const result = status < 400 ? 'success' : 'failure';
    const what = { type: 'AUTHORIZATION_SUCCESS', subject, action: `queue.${request.method.toLowerCase()}` } as const;
    try {
      await this.auditLog.record(request.admin, { ...what, resource: `queue:${path}`, result, metadata: { status } });
    } catch (error) {
      this.log.warn('an action on the queue board was not kept in the audit log', { error, path });
    }
  }
}

function refuse(request: FastifyRequest, reply: FastifyReply, status: 401 | 403): FastifyReply {
  const isPage = request.headers.accept?.includes('text/html') ?? false;
  if (isPage && status === 401) {
    return reply.redirect(`/admin/login?next=${encodeURIComponent(request.url.split('?', 1)[0] ?? BASE_PATH)}`, 302);
  }
  if (isPage) {
    return reply
      .code(status)
      .headers(PAGE_HEADERS)
      .send(noticePage('Not for this account', 'The queue board is for platform admins.'));
  }
  const error =
    status === 401
      ? { code: 'unauthorized', message: 'Sign in at /admin/login' }
      : { code: 'forbidden', message: 'The queue board is for platform admins' };
  return reply.code(status).send({ error });
}

/** The board works offline: the fonts it would fetch from elsewhere are left out. */
function dress(reply: FastifyReply, payload: unknown): unknown {
  if (!reply.hasHeader('content-security-policy')) reply.headers(BOARD_HEADERS);
  const isHtml = String(reply.getHeader('content-type') ?? '').startsWith('text/html');
  if (!isHtml || typeof payload !== 'string') return payload;
  reply.removeHeader('content-length').header('cache-control', 'no-store');
  return payload.replace(/<link[^>]+fonts\.googleapis\.com[^>]*>/g, '');
}
