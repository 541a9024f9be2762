import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { Database } from '#libs/database';

const LOCK = 7_266_841;
const DAY_MS = 86_400_000;
/** Lines are at most a day old when they arrive, and partitions are made two days ahead. */
const DAYS_BACK = 1;
const DAYS_AHEAD = 2;
const NAME = /^log_lines_(\d{4})(\d{2})(\d{2})$/;

/** Name of the partition of a UTC day. */
export const partitionOf = (day: Date): string => `log_lines_${day.toISOString().slice(0, 10).replaceAll('-', '')}`;

/** The UTC day of a partition's name; undefined for another name. */
export function dayOf(partition: string): Date | undefined {
  const match = NAME.exec(partition);
  return match ? new Date(`${match[1]}-${match[2]}-${match[3]}T00:00:00Z`) : undefined;
}

/** Keeps the daily partitions of the log: made ahead, dropped when older than LOG_RETENTION_DAYS. Idempotent. */
@Injectable()
export class LogPartitions {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  async maintain(now: Date = new Date()): Promise<void> {
    const today = Math.floor(now.getTime() / DAY_MS) * DAY_MS;
    const present = await this.present();
    for (let offset = -DAYS_BACK; offset <= DAYS_AHEAD; offset++) {
      const day = new Date(today + offset * DAY_MS);
      if (!present.includes(partitionOf(day))) await this.create(day);
    }
    const oldest = today - Math.max(this.config.limits.logRetentionDays, DAYS_BACK) * DAY_MS;
    for (const name of present) {
      const day = dayOf(name);
      if (day && day.getTime() < oldest) await this.alter(`DROP TABLE IF EXISTS ${name}`);
    }
  }

  private async present(): Promise<string[]> {
    const rows = await this.database.query<{ name: string }>(
      `SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'log_lines'::regclass ORDER BY 1`,
    );
    return rows.map((row) => row.name);
  }

  private create(day: Date): Promise<void> {
    const bounds = [day, new Date(day.getTime() + DAY_MS)].map((bound) => `'${bound.toISOString()}'`);
    return this.alter(
      `CREATE TABLE IF NOT EXISTS ${partitionOf(day)} PARTITION OF log_lines FOR VALUES FROM (${bounds[0]}) TO (${bounds[1]})`,
    );
  }

  /** One worker at a time, and never in the way of writers for long: it is tried again the next time. */
  private alter(statement: string): Promise<void> {
    return this.database.transaction(async (tx) => {
      await tx.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
      await tx.query(`SET LOCAL lock_timeout = '2s'`);
      await tx.query(statement);
    });
  }
}
