import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { CONFIG, type Config } from '#libs/config';
import { InviteAcceptance, OrganisationsService, PasswordResetService, passwordWeakness } from '#libs/identity';
import { DomainError } from '#libs/kernel';
import { Logger } from '#libs/observability';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { HTTP_STATUS } from '../../http/http-status.js';
import { toDomainError } from '../../http/to-domain-error.js';
import { type FormRequest, readForms } from '../pages/forms.js';
import { PAGE_HEADERS } from '../pages/html.js';
import { isSameOrigin } from '../pages/origin.js';
import { type JoinView, endPage, joinPage, passwordPage } from './account.pages.js';

/** What mailed links open. */
@Injectable()
export class MailedLinks {
  constructor(
    @Inject(InviteAcceptance) readonly acceptance: InviteAcceptance,
    @Inject(PasswordResetService) readonly passwords: PasswordResetService,
    @Inject(OrganisationsService) readonly organisations: OrganisationsService,
  ) {}
}

/** The pages behind the links in our mails: accept an invite, set a password. Opening one changes nothing, its form does. */
@Injectable()
export class AccountPages implements OnModuleInit {
  constructor(
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
    @Inject(MailedLinks) private readonly links: MailedLinks,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(Logger) private readonly logger: Logger,
  ) {}

  onModuleInit(): void {
    const fastify = this.host.httpAdapter.getInstance<FastifyInstance>();
    void fastify.register((scope, _options, done) => {
      readForms(scope);
      scope.addHook('onRequest', async (request) => this.refuseOtherOrigins(request));
      scope.setErrorHandler((error, _request, reply) => this.fail(error, reply));
      scope.get('/join', async (request, reply) => send(reply, joinPage(await this.invite(tokenOf(request.query)))));
      scope.post('/join', (request: FormRequest, reply) => this.join(request, reply));
      scope.get('/password', async (request, reply) => send(reply, await this.password(tokenOf(request.query))));
      scope.post('/password', (request: FormRequest, reply) => this.setPassword(request, reply));
      done();
    });
  }

  private async invite(token: string): Promise<JoinView> {
    const { orgId, email, name, role } = await this.links.acceptance.look(token);
    const { name: organisation } = await this.links.organisations.account({ orgId });
    return { token, organisation, email, name, role };
  }

  private async join({ body }: FormRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { token = '', name = '', password = '' } = body ?? {};
    const problem = password === '' ? undefined : passwordWeakness(password);
    if (problem) return send(reply.code(422), joinPage({ ...(await this.invite(token)), name, problem }));
    const fullName = name.trim().slice(0, 255) || undefined;
    const joined = await this.links.acceptance.accept(token, { password: password || undefined, fullName });
    if (joined.passwordToken !== null) return reply.redirect(`/password?token=${joined.passwordToken}`, 303);
    return send(reply, endPage('Welcome', 'You have joined. Sign in with your e-mail address and password.'));
  }

  private async password(token: string): Promise<string> {
    await this.links.passwords.look(token);
    return passwordPage({ token });
  }

  private async setPassword({ body, ip }: FormRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { token = '', password = '' } = body ?? {};
    const problem = passwordWeakness(password);
    if (problem) return send(reply.code(422), passwordPage({ token, problem }));
    await this.links.passwords.set(token, password, ip);
    return send(reply, endPage('Done', 'Your password is set. Sign in with your e-mail address and the new password.'));
  }

  private refuseOtherOrigins({ method, headers }: FastifyRequest): void {
    if (isSameOrigin(method, headers, this.config.http.publicUrl)) return;
    throw new DomainError('forbidden', 'forbidden', 'This request came from another page and was refused');
  }

  private fail(thrown: unknown, reply: FastifyReply): FastifyReply {
    const error = toDomainError(thrown);
    if (error.kind === 'internal') this.logger.error('account page failed', { error: error.cause ?? error });
    return send(reply.code(HTTP_STATUS[error.kind]), endPage('That did not work', `${error.message}.`));
  }
}

const send = (reply: FastifyReply, text: string): FastifyReply => reply.headers(PAGE_HEADERS).send(text);

const tokenOf = (query: unknown): string => {
  const token = (query as { token?: unknown } | undefined)?.token;
  return typeof token === 'string' ? token : '';
};
