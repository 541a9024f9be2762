import type { Strategy } from 'passport-strategy';

/**
 * Runs a passport strategy outside passport: no middleware, no session, just its verdict.
 * @returns what the strategy took the request for; undefined when it refused it.
 */
export function runStrategy<User>(strategy: Strategy, request: unknown): Promise<User | undefined> {
  return new Promise((resolve, reject) => {
    const run = Object.create(strategy) as Strategy;
    run.success = (user: unknown) => resolve(user as User);
    run.fail = () => resolve(undefined);
    run.pass = () => resolve(undefined);
    run.redirect = () => resolve(undefined);
    run.error = (error: unknown) => reject(error instanceof Error ? error : new Error(String(error)));
    run.authenticate(request as Parameters<Strategy['authenticate']>[0]);
  });
}
