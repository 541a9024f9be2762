import { Inject, Injectable } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { ChatService } from '#libs/conversations';
import { Database, schemaProblems } from '#libs/database';
import { QueueRegistry } from '#libs/queue';

const LONGEST_CHECK_MS = 2_000;
const ENDING = 'it was told to end: send requests to another';

/** What `GET /readyz` answers: each dependency by name, `up` or `down` with a reason. */
export interface ReadinessReport {
  readonly status: 'ok' | 'error';
  readonly details: HealthIndicatorResult;
}

/** Whether this process can do its work: the database answers, its schema is ours, jobs can be sent, and it is not about to end. */
@Injectable()
export class Readiness {
  constructor(
    @Inject(HealthIndicatorService) private readonly indicators: HealthIndicatorService,
    @Inject(Database) private readonly database: Database,
    @Inject(QueueRegistry) private readonly queues: QueueRegistry,
    @Inject(ChatService) private readonly chat: ChatService,
  ) {}

  async report(): Promise<ReadinessReport> {
    const results = await Promise.all([
      this.check('database', () => this.database.query('SELECT 1').then(() => [])),
      this.check('migrations', () => schemaProblems(this.database.dataSource)),
      this.check('queue', () => this.askQueue()),
      ...(this.chat.isShuttingDown ? [this.check('process', () => Promise.resolve([ENDING]))] : []),
    ]);
    const details = Object.assign({}, ...results) as HealthIndicatorResult;
    return { status: Object.values(details).every(({ status }) => status === 'up') ? 'ok' : 'error', details };
  }

  private async askQueue(): Promise<string[]> {
    const queue = await this.queues.queue('control');
    await queue.count();
    return [];
  }

  private async check(name: string, problemsOf: () => Promise<string[]>): Promise<HealthIndicatorResult> {
    const indicator = this.indicators.check(name);
    const problems = await withinTime(problemsOf()).catch(reasonOf);
    return problems.length === 0 ? indicator.up() : indicator.down({ message: problems.join('; ') });
  }
}

function withinTime(work: Promise<string[]>): Promise<string[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string[]>((resolve) => {
    timer = setTimeout(resolve, LONGEST_CHECK_MS, [`no answer within ${LONGEST_CHECK_MS} ms`]);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/** Never the error's own text: it may name hosts and users. */
const reasonOf = (): string[] => ['cannot be reached'];
