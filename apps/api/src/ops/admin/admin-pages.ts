import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { CONFIG, type Config } from '#libs/config';
import { DomainError } from '#libs/kernel';
import { Logger } from '#libs/observability';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { HTTP_STATUS } from '../../http/http-status.js';
import { toDomainError } from '../../http/to-domain-error.js';
import { type FormRequest, readForms } from '../pages/forms.js';
import { PAGE_HEADERS } from '../pages/html.js';
import { isSameOrigin } from '../pages/origin.js';
import { AdminSessions } from './admin-sessions.js';
import { loginPage, logoutPage, noticePage } from './login.page.js';
import { QueueBoard } from './queue-board.js';

const HOME = '/admin/queues';

/** The operators' pages under /admin: sign-in and the queue board. A Fastify plugin, since the board is one. */
@Injectable()
export class AdminPages implements OnModuleInit {
  constructor(
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
    @Inject(AdminSessions) private readonly sessions: AdminSessions,
    @Inject(QueueBoard) private readonly board: QueueBoard,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(Logger) private readonly logger: Logger,
  ) {}

  onModuleInit(): void {
    const fastify = this.host.httpAdapter.getInstance<FastifyInstance>();
    void fastify.register((scope, _options, done) => this.install(scope, done), { prefix: '/admin' });
  }

  private install(scope: FastifyInstance, done: () => void): void {
    readForms(scope);
    scope.addHook('onRequest', async (request, reply) => this.refuseOtherOrigins(request, reply));
    scope.setErrorHandler((error, _request, reply) => this.fail(error, reply));
    scope.get('/', (_request, reply) => reply.redirect(HOME, 302));
    scope.get('/login', (request, reply) => send(reply, loginPage({ next: nextOf(request.query) })));
    scope.post('/login', (request: FormRequest, reply) => this.signIn(request, reply));
    scope.get('/logout', (_request, reply) => send(reply, logoutPage()));
    scope.post('/logout', async (request, reply) => {
      reply.header('set-cookie', await this.sessions.signOut(request.headers.cookie));
      return reply.redirect('/admin/login', 303);
    });
    void scope.register((board, _options, ready) => this.board.install(board, ready), { prefix: '/queues' });
    done();
  }

  private async signIn(request: FormRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { email = '', password = '' } = request.body ?? {};
    const next = nextOf(request.body);
    try {
      reply.header('set-cookie', await this.sessions.signIn({ email, password, address: request.ip }));
      this.logger.info('admin signed in', { email, address: request.ip });
      return reply.redirect(next, 303);
    } catch (thrown) {
      const error = toDomainError(thrown);
      this.logger.warn('admin sign-in refused', { email, address: request.ip, code: error.code });
      return send(reply.code(HTTP_STATUS[error.kind]), loginPage({ next, email, problem: problemOf(error) }));
    }
  }

  private async refuseOtherOrigins(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
    if (isSameOrigin(request.method, request.headers, this.config.http.publicUrl)) return undefined;
    return send(reply.code(403), noticePage('Not from here', 'This request came from another page and was refused.'));
  }

  private fail(thrown: unknown, reply: FastifyReply): FastifyReply {
    const error = toDomainError(thrown);
    if (error.kind === 'internal') this.logger.error('admin page failed', { error: error.cause ?? error });
    return send(reply.code(HTTP_STATUS[error.kind]), noticePage('That did not work', error.message));
  }
}

const send = (reply: FastifyReply, text: string): FastifyReply => reply.headers(PAGE_HEADERS).send(text);

/** Where to go after signing in: only to pages under /admin. */
function nextOf(fields: unknown): string {
  const next = (fields as { next?: unknown } | undefined)?.next;
  return typeof next === 'string' && /^\/admin\/[\w./?=&%-]*$/.test(next) ? next : HOME;
}

const problemOf = (error: DomainError): string =>
  error.kind === 'unauthenticated' ? 'E-mail or password is wrong.' : `${error.message}.`;
