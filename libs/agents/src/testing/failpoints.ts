import { FakeRuntime } from '#libs/containers';
import { Database, type Tx } from '#libs/database';
import { DomainError } from '#libs/kernel';
import type { AgentsFixture } from './agents-fixture.js';

/** Of the fake runtime's methods, what only looks, and what only it has. Any other has an effect. */
const NO_EFFECTS = new Set([
  ...['inspect', 'list', 'stats', 'probe', 'logs', 'programs', 'mark', 'read'],
  ...['constructor', 'crash', 'print', 'enter', 'agent', 'state', 'positionBefore'],
]);
/** Rings and output go by timers of their own, and have suites of their own. */
const BESIDE = /\boutbox\b|\blog_lines\b/;
const WRITES = /^\s*(INSERT|UPDATE|DELETE|WITH\b[\s\S]*\b(INSERT INTO|UPDATE|DELETE FROM))\b/i;

type Method = (...values: unknown[]) => Promise<unknown>;

/** A failpoint before and one after every side effect of a worker: of its runtime, its workspaces and its database. */
export class Failpoints {
  private passed: string[] | undefined;
  private fatal = Number.POSITIVE_INFINITY;
  private isDead = false;

  constructor(at: AgentsFixture) {
    this.wrapMethods(at.runtime, 'runtime');
    this.wrapMethods(at.runtime.workspaces, 'workspaces');
    this.wrapDatabase(at.app.get(Database));
  }

  /**
   * Plays one life of a worker. @param fatal - the number of the point at which it dies: from there on nothing it does has an effect
   * @returns the points it passed
   */
  async live(work: () => Promise<unknown>, fatal = Number.POSITIVE_INFINITY): Promise<string[]> {
    const passed: string[] = [];
    Object.assign(this, { passed, fatal, isDead: false });
    try {
      await work();
    } catch (error) {
      if (!this.isDead) throw error;
    } finally {
      Object.assign(this, { passed: undefined, isDead: false });
    }
    return passed;
  }

  private wrapMethods(target: FakeRuntime | FakeRuntime['workspaces'], owner: string): void {
    const methods = target as unknown as Record<string, Method>;
    for (const name of Object.getOwnPropertyNames(Object.getPrototypeOf(target)).filter((n) => !NO_EFFECTS.has(n))) {
      const original = methods[name]!.bind(target);
      methods[name] = (...values) => this.around(`${owner}.${name}`, () => original(...values));
    }
  }

  private wrapDatabase(database: Database): void {
    const query = database.query.bind(database);
    const named = database.named.bind(database);
    const transaction = database.transaction.bind(database);
    const written = <T>(text: string, work: () => Promise<T>): Promise<T> =>
      WRITES.test(text) && !BESIDE.test(text) ? this.around(brief(text), work) : work();
    database.query = (text, values) => written(text, () => query(text, values));
    database.named = (name, text, values) => written(text, () => named(name, text, values));
    database.transaction = async <T>(work: (tx: Tx) => Promise<T>): Promise<T> => {
      const result = await transaction(async (tx) => {
        const worked = await work(tx);
        this.pass('before a commit');
        return worked;
      });
      this.pass('after a commit');
      return result;
    };
  }

  private async around<T>(what: string, work: () => Promise<T>): Promise<T> {
    this.pass(`before ${what}`);
    const result = await work();
    this.pass(`after ${what}`);
    return result;
  }

  private pass(point: string): void {
    if (!this.passed) return;
    if (!this.isDead) this.isDead = this.passed.push(point) > this.fatal;
    // as if Postgres were away: nobody takes it for a failure of the step
    if (this.isDead) throw new DomainError('unavailable', 'database_unavailable', `The worker died ${point}`);
  }
}

const brief = (text: string): string => text.replace(/\s+/g, ' ').trim().split(' ').slice(0, 5).join(' ');
