import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';
import { INSTANCE_DEAD_AFTER_SECONDS, Instance } from '#libs/instances';
import { type Scope, newId } from '#libs/kernel';

/** Names one remembered request: whose key it is, and what was asked with it. */
export interface KeyedRequest {
  /** The credential's subject: keys of two callers never meet. */
  readonly caller: string;
  readonly key: string;
  readonly route: string;
  readonly hash: Buffer;
}

export interface RememberedRequest {
  readonly status: 'pending' | 'done';
  readonly route: string;
  readonly hash: Buffer;
  readonly runId: string | null;
  /** The id of what the request made. */
  readonly resourceId: string;
  readonly response: { readonly status: number; readonly body: unknown } | undefined;
}

interface Row {
  readonly status: 'pending' | 'done';
  readonly route: string;
  readonly request_hash: Buffer;
  readonly run_id: string | null;
  readonly resource_id: string;
  readonly response_status: number | null;
  readonly response_body: unknown;
}

const SAME_REQUEST =
  '(kept.org_id, kept.route, kept.request_hash) = (excluded.org_id, excluded.route, excluded.request_hash)';

/**
 * A key is free when unknown, a day old, answered with an error, or left pending: by a process that died, or for ten
 * minutes by one that could not note the answer. Whoever repeats the same request gets the same resource id.
 */
const CLAIM = `
  INSERT INTO idempotency_keys AS kept (caller, key, org_id, route, request_hash, instance_id, resource_id)
  VALUES ($1, $2, $3, $4, $5, $6, $7)
  ON CONFLICT (caller, key) DO UPDATE SET org_id = excluded.org_id, route = excluded.route,
    request_hash = excluded.request_hash, status = 'pending', response_status = NULL, response_body = NULL,
    run_id = NULL, instance_id = excluded.instance_id, created_at = now(),
    resource_id = CASE WHEN kept.created_at >= now() - interval '24 hours' AND ${SAME_REQUEST}
                       THEN kept.resource_id ELSE excluded.resource_id END
  WHERE kept.created_at < now() - interval '24 hours' OR kept.status = 'failed'
     OR (kept.status = 'pending' AND ${SAME_REQUEST}
         AND (kept.created_at < now() - interval '10 minutes' OR NOT EXISTS (SELECT 1 FROM instances i
                         WHERE i.id = kept.instance_id AND i.heartbeat_at > now() - interval '${INSTANCE_DEAD_AFTER_SECONDS} seconds')))
  RETURNING resource_id`;

/** Table `idempotency_keys`. */
@Injectable()
export class IdempotencyRepository {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(Instance) private readonly instance: Instance,
  ) {}

  /**
   * @returns when the caller is now the one to do the work, the id for what the request makes: the same one whenever
   *   a request that failed or never noted its answer is repeated.
   */
  async claim(scope: Scope, request: KeyedRequest): Promise<string | undefined> {
    const [row] = await this.database.query<{ resource_id: string }>(CLAIM, [
      request.caller,
      request.key,
      scope.orgId,
      request.route,
      request.hash,
      this.instance.id,
      newId(),
    ]);
    return row?.resource_id;
  }

  async find(scope: Scope, request: KeyedRequest): Promise<RememberedRequest | undefined> {
    const [row] = await this.database.query<Row>(
      `SELECT status, route, request_hash, run_id, resource_id, response_status, response_body FROM idempotency_keys
       WHERE org_id = $1 AND caller = $2 AND key = $3 AND status <> 'failed'`,
      [scope.orgId, request.caller, request.key],
    );
    if (!row) return undefined;
    const { status, route, request_hash: hash, run_id: runId, resource_id: resourceId } = row;
    const response =
      row.response_status === null ? undefined : { status: row.response_status, body: row.response_body };
    return { status, route, hash, runId, resourceId, response };
  }

  async complete(scope: Scope, request: KeyedRequest, status: number, body: unknown): Promise<void> {
    await this.write(scope, request, `status = 'done', response_status = $5, response_body = $6`, [
      status,
      JSON.stringify(body ?? null),
    ]);
  }

  async bindRun(scope: Scope, request: KeyedRequest, runId: string): Promise<void> {
    await this.write(scope, request, `status = 'done', run_id = $5`, [runId]);
  }

  /** The request failed: the key may be used again, by the same request with the same resource id. */
  async release(scope: Scope, request: KeyedRequest): Promise<void> {
    await this.write(scope, request, `status = 'failed'`, []);
  }

  /** Deletes up to `batch` keys older than a day. */
  async sweep(batch = 1_000): Promise<number> {
    const rows = await this.database.query(
      `DELETE FROM idempotency_keys WHERE (caller, key) IN (SELECT caller, key FROM idempotency_keys
         WHERE created_at < now() - interval '24 hours' LIMIT $1 FOR UPDATE SKIP LOCKED) RETURNING 1`,
      [batch],
    );
    return rows.length;
  }

  private async write(scope: Scope, request: KeyedRequest, set: string, values: readonly unknown[]): Promise<void> {
    await this.database.query(
      `UPDATE idempotency_keys SET ${set}
       WHERE org_id = $1 AND caller = $2 AND key = $3 AND instance_id = $4 AND status = 'pending'`,
      [scope.orgId, request.caller, request.key, this.instance.id, ...values],
    );
  }
}
