import type { Role, ScopeName } from '#libs/kernel';

/** A test that says what a route does: its file (without `.contract-spec.ts`) and its name as it is written there. */
export type NamedTest = readonly [suite: string, name: string];

/** One route as the published documentation has it. Names are separated by blanks; `!` marks what is required. */
export interface DocumentedRoute {
  readonly route: string;
  /** `public`: nobody needs to sign in. `self`: it guards itself. `user`: no key. Undefined: users and keys of the scope. */
  readonly who?: 'public' | 'self' | 'user';
  readonly role?: Role;
  readonly scope?: ScopeName;
  readonly body?: string;
  readonly query?: string;
  /** Default 200. */
  readonly status?: number;
  /** Fields of the answer; `a.b` is a field within. Undefined: an answer without a body, or one that is no JSON. */
  readonly answers?: string;
  /** The answer is a bare array of these. */
  readonly isArray?: true;
  /** Errors besides 401 and 429, each with what it means here in the tests. */
  readonly errors?: string;
  readonly tests: readonly NamedTest[];
}

/** What lists carry besides their items. */
export const PAGE = 'total limit offset';

/** The fields of each item of a list, as fields within it. */
export const each = (list: string, fields: string): string =>
  [list, ...fields.split(' ').map((field) => `${list}.${field}`)].join(' ');
