import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '#libs/database';
import { type Scope, newId } from '#libs/kernel';
import { Logger } from '#libs/observability';
import { AlertSettingsRepository } from './alert-settings.repository.js';
import { AlertWebhook } from './alert-webhook.js';

const MOST_ATTEMPTS = 8;
const BATCH = 20;

interface DueDelivery {
  readonly id: string;
  readonly orgId: string;
  readonly body: string;
  readonly attempts: number;
}

/** A try is counted before it is made: one whose worker died is repeated, and the receiver knows it by its id. */
const TAKE = `
  UPDATE alert_deliveries SET attempts = attempts + 1,
         next_attempt_at = clock_timestamp() + make_interval(secs => 15 * 2 ^ attempts)
   WHERE id IN (SELECT id FROM alert_deliveries WHERE next_attempt_at <= now()
                 ORDER BY next_attempt_at LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)
   RETURNING id, org_id AS "orgId", body, attempts`;

/** What is still to be posted: rows of `alert_deliveries`, tried up to eight times within an hour and given up then. */
@Injectable()
export class AlertDeliveries {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(AlertSettingsRepository) private readonly settings: AlertSettingsRepository,
    @Inject(AlertWebhook) private readonly webhook: AlertWebhook,
    @Inject(Logger) private readonly logger: Logger,
  ) {}

  async enqueue(tx: Tx, scope: Scope, content: Readonly<Record<string, unknown>>): Promise<void> {
    const id = newId();
    const body = JSON.stringify({ id, ...content });
    await tx.query('INSERT INTO alert_deliveries (id, org_id, body) VALUES ($1, $2, $3)', [id, scope.orgId, body]);
  }

  /** Posts what is due. @returns how many were looked at. */
  async sendDue(signal: AbortSignal): Promise<number> {
    const due = await this.database.query<DueDelivery>(TAKE);
    await Promise.all(due.map((delivery) => this.send(delivery, signal)));
    return due.length;
  }

  private async send(delivery: DueDelivery, signal: AbortSignal): Promise<void> {
    const { id, orgId, body, attempts } = delivery;
    const settings = await this.settings.find({ orgId });
    const secret = settings && this.webhook.secretOf({ orgId, webhookNonce: settings.webhookNonce });
    if (!settings?.webhookUrl || secret === undefined) return this.drop(id);
    try {
      await this.webhook.post(settings.webhookUrl, secret, id, body, signal);
      await this.drop(id);
    } catch (error) {
      this.logger.info('an alert could not be delivered', { orgId, deliveryId: id, attempts, error });
      if (attempts >= MOST_ATTEMPTS) await this.drop(id);
    }
  }

  private async drop(id: string): Promise<void> {
    await this.database.query('DELETE FROM alert_deliveries WHERE id = $1', [id]);
  }
}
