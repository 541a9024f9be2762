import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';

/** Drops invites and password links that ended long ago, with what was mailed of them. */
@Injectable()
export class InviteRetention {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** Up to `limit` of each that ended before `before`. @returns how many at most of one kind. */
  async deleteBefore(before: Date, limit: number): Promise<number> {
    const gone = await Promise.all(
      ['invites', 'password_links'].map((table) =>
        this.database.query(
          `DELETE FROM ${table} WHERE id IN (
             SELECT id FROM ${table} WHERE expires_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING 1`,
          [before, limit],
        ),
      ),
    );
    return Math.max(...gone.map(({ length }) => length));
  }
}
