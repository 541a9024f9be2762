import { createHmac } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { Egress, bytesOf } from '#libs/egress';
import type { StoredSettings } from './alert-settings.repository.js';

const PATIENCE_MS = 10_000;
const MOST_BYTES = 64 * 1024;

/** Posts alerts to the address of an organisation, through the guarded fetch, signed so that the receiver can tell who sent them. */
@Injectable()
export class AlertWebhook {
  constructor(
    @Inject(Egress) private readonly egress: Egress,
    @Inject(CONFIG) private readonly config: Pick<Config, 'security'>,
  ) {}

  /** What signs the deliveries to the present address; undefined without one. It is made anew from the nonce, and stored nowhere. */
  secretOf({
    orgId,
    webhookNonce,
  }: Pick<StoredSettings, 'webhookNonce'> & { readonly orgId: string }): string | undefined {
    if (webhookNonce === null) return undefined;
    const key = createHmac('sha256', this.config.security.jwtSecret);
    return `whsec_${key.update(`alert-webhook|${orgId}|${webhookNonce}`).digest('hex')}`;
  }

  /** @throws Error unless the receiver answers with 2xx. */
  async post(url: string, secret: string, id: string, body: string, signal: AbortSignal): Promise<void> {
    const at = Math.floor(Date.now() / 1000);
    const response = await this.egress.fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'Rookery',
        'x-rookery-delivery': id,
        'x-rookery-signature': `t=${at},v1=${signatureOf(secret, at, body)}`,
      },
      body,
      signal,
      limits: { timeoutMs: PATIENCE_MS, maxRedirects: 0, maxResponseBytes: MOST_BYTES },
    });
    await bytesOf(response);
    if (response.status < 200 || response.status > 299) throw new Error(`The webhook answered ${response.status}`);
  }
}

/** HMAC-SHA256 of `<seconds since 1970>.<body>`, in hex. */
export const signatureOf = (secret: string, at: number, body: string): string =>
  createHmac('sha256', secret).update(`${at}.${body}`).digest('hex');
