import { RequestMethod, type Type } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { ModulesContainer } from '@nestjs/core';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ApiFixture, startApi } from '../../testing/api-fixture.js';
import { IDEMPOTENCY_MODE } from '../idempotency/idempotent.js';
import { POLICY_TABLE } from '../policy.table.js';

/** POSTs that neither create nor send, or are safe to repeat by themselves. */
const NEEDS_NONE: Readonly<Record<string, string>> = {
  'POST /api/v1/auth/register': 'nobody is known yet; a second account of an address is refused',
  'POST /api/v1/auth/login': 'answers with tokens, which must not be stored; another session harms nobody',
  'POST /api/v1/auth/refresh': 'a repeat within 10 s gets the same successor',
  'POST /api/v1/auth/logout': 'repeating it changes nothing',
  'POST /api/v1/auth/change-password': 'a repeat is refused by the former password',
  'POST /api/v1/auth/forgot-password': 'a further link harms nobody, and how many are mailed is limited',
  'POST /api/v1/auth/set-password': 'a link works once',
  'POST /api/v1/agents/:id/provision': 'sets a state; repeating it changes nothing',
  'POST /api/v1/agents/:id/pause': 'sets a state; a repeat is refused',
  'POST /api/v1/agents/:id/resume': 'sets a state; a repeat is refused',
  'POST /api/v1/auth/oidc/token': 'a code works once',
  'POST /api/v1/agents/:id/personality/initialize': 'writes what is missing; repeating it changes nothing',
  'POST /api/v1/agents/:id/personality/context/task': 'reads',
  'POST /api/v1/templates/seed': 'adds what is missing; repeating it changes nothing',
  'POST /api/v1/skills/:name/install': 'a repeat waits for the same work, or finds it done',
  'POST /api/v1/agents/:id/skills': 'a skill is attached once; a repeat is refused',
  'POST /api/v1/agents/:id/skills/:name/configure': 'sets a state; repeating it changes nothing',
  'POST /api/v1/team/members/invite': 'an address is invited once; a repeat is refused',
  'POST /api/v1/team/members/:id/resend-invite': 'sends again, as asked, five times a day at most',
  'POST /api/v1/team/members/accept-invite/:token': 'an invite is accepted once; a repeat is refused',
  'POST /api/v1/api-keys': 'sets a state; repeating it changes nothing',
  'POST /api/v1/api-keys/:service': 'sets a state; repeating it changes nothing',
  'POST /api/v1/api-keys/:service/verify': 'reads',
  'POST /api/v1/settings/api-keys': 'a provider has one key; a repeat is refused',
  'POST /api/v1/settings/api-keys/test': 'reads',
  'POST /api/v1/security/tokens': 'answers with a token, which must not be stored; a further one can be revoked',
  'POST /api/v1/security/tokens/:jti/rotate': 'a token is rotated once; a repeat is refused',
  'POST /api/v1/swarms/:id/agents': 'sets a state; repeating it changes nothing',
  'POST /api/v1/swarms/:id/start': 'a swarm that runs is not started again',
  'POST /api/v1/swarms/:id/pause': 'sets a state; a repeat is refused',
  'POST /api/v1/swarms/:id/resume': 'sets a state; a repeat is refused',
  'POST /api/v1/conversations/:id/attach-agent': 'sets a state; repeating it changes nothing',
  'POST /api/v1/conversations/:id/archive': 'sets a state; repeating it changes nothing',
  'POST /api/v1/conversations/:id/search': 'reads',
  'POST /v1/agents/:id/start': 'sets a state; repeating it changes nothing',
  'POST /v1/agents/:id/stop': 'sets a state; repeating it changes nothing',
  'POST /v1/agents/:id/restart': 'wishes under way are folded into one; nothing is made or sent',
  'POST /v1/agents/:id/repair': 'wishes under way are folded into one; nothing is made or sent',
  'POST /v1/agents/:id/reset-memory': 'wishes under way are folded into one; nothing is made or sent',
  'POST /v1/agents/:id/personality/versions/:version/restore': 'sets a content; repeating it changes nothing',
  'POST /v1/hosts/:hostId/drain': 'sets a state; repeating it changes nothing',
  'POST /v1/hosts/:hostId/undrain': 'sets a state; repeating it changes nothing',
  'POST /admin/login': 'a page of its own, not a surface',
  'POST /join': 'a page of its own, not a surface',
  'POST /password': 'a page of its own, not a surface',
};

interface Handler {
  readonly route: string;
  readonly mode: unknown;
}

/** Every POST handler of every controller, as Nest has them. */
function postHandlers(api: ApiFixture): Handler[] {
  const modules = [...api.app.get(ModulesContainer).values()];
  const controllers = modules.flatMap((module) => [...module.controllers.values()].map(({ metatype }) => metatype));
  return controllers.flatMap((controller) => handlersOf(controller as Type));
}

function handlersOf(controller: Type): Handler[] {
  const bases = [Reflect.getMetadata(PATH_METADATA, controller) as string | string[]].flat();
  const prototype = controller.prototype as Record<string, unknown>;
  return Object.getOwnPropertyNames(prototype)
    .map((name) => prototype[name])
    .filter((handler) => typeof handler === 'function')
    .filter((handler) => Reflect.getMetadata(METHOD_METADATA, handler) === RequestMethod.POST)
    .flatMap((handler) => {
      const paths = [Reflect.getMetadata(PATH_METADATA, handler) as string | string[]].flat();
      const mode: unknown = Reflect.getMetadata(IDEMPOTENCY_MODE, handler);
      return bases.flatMap((base) => paths.map((path) => ({ route: `POST ${joined(base, path)}`, mode })));
    });
}

const joined = (...parts: string[]): string =>
  `/${parts
    .flatMap((part) => part.split('/'))
    .filter(Boolean)
    .join('/')}`;

describe('Idempotency-Key on every POST', () => {
  let api: ApiFixture;
  beforeAll(async () => {
    api = await startApi();
  }, 60_000);
  afterAll(() => api?.close());

  it('is honoured, or there is a reason why not', () => {
    const handlers = postHandlers(api);
    expect(handlers.length).toBeGreaterThan(10);
    const open = handlers.filter(({ mode, route }) => mode === undefined && !Object.hasOwn(NEEDS_NONE, route));
    expect(open.map(({ route }) => route)).toEqual([]);
  });

  it('has no reason for a route that honours it or does not exist', () => {
    const honoured = new Set(postHandlers(api).flatMap(({ mode, route }) => (mode === undefined ? [] : [route])));
    const idle = Object.keys(NEEDS_NONE).filter((row) => honoured.has(row) || !Object.hasOwn(POLICY_TABLE, row));
    expect(idle).toEqual([]);
  });

  it('misses no route of the policy table', () => {
    const found = new Set([...postHandlers(api).map(({ route }) => route), ...Object.keys(NEEDS_NONE)]);
    const posts = Object.keys(POLICY_TABLE).filter((row) => row.startsWith('POST '));
    expect(posts.filter((row) => !found.has(row))).toEqual([]);
  });
});
