import { Inject, Injectable } from '@nestjs/common';
import { type Caller, invalid, isUuid, requireScope } from '#libs/kernel';
import type { UsageGroup, UsageQuery, UsageReport } from './usage.js';
import { UsageRepository } from './usage.repository.js';

const DAY_MS = 86_400_000;
const DEFAULT_DAYS = 30;
const MOST_DAYS = 3_660;
const NOBODY = '00000000-0000-0000-0000-000000000000';

/** Which usage is asked for; what is left out: the last 30 days, by day. */
export interface UsageRequest {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly groupBy?: UsageGroup | undefined;
  readonly agentId?: string | undefined;
  readonly swarmId?: string | undefined;
  readonly limit: number;
  readonly offset: number;
}

/** What an organisation's model calls have used. */
@Injectable()
export class UsageService {
  constructor(@Inject(UsageRepository) private readonly usage: UsageRepository) {}

  /** @throws DomainError `validation` for wrong days. */
  async report(caller: Caller, request: UsageRequest): Promise<UsageReport> {
    requireScope(caller, 'agents:read');
    return this.usage.report(caller, checked(request));
  }
}

function checked({ from, to, groupBy = 'day', agentId, swarmId, limit, offset }: UsageRequest): UsageQuery {
  const last = to === undefined ? new Date() : dayOf('to', to);
  const first = from === undefined ? new Date(last.getTime() - (DEFAULT_DAYS - 1) * DAY_MS) : dayOf('from', from);
  const days = (last.getTime() - first.getTime()) / DAY_MS;
  if (days <= -1) throw wrongDay('from', 'must not be after to');
  if (days > MOST_DAYS) throw wrongDay('from', `must be at most ${MOST_DAYS} days before to`);
  return {
    from: isoDay(first),
    to: isoDay(last),
    groupBy,
    limit,
    offset,
    ...(agentId === undefined ? {} : { agentId: idOrNobody(agentId) }),
    ...(swarmId === undefined ? {} : { swarmId: idOrNobody(swarmId) }),
  };
}

/** A day (`2026-11-22`) or a moment of it, taken in UTC. */
function dayOf(field: string, text: string): Date {
  const form = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?$/;
  const at = form.test(text) ? new Date(text) : new Date(Number.NaN);
  if (Number.isNaN(at.getTime()) || !isRealDay(text)) throw wrongDay(field, 'must be an ISO date such as 2026-11-22');
  return new Date(`${isoDay(at)}T00:00:00.000Z`);
}

/** `new Date('2026-02-30')` is a day in March. */
const isRealDay = (text: string): boolean => isoDay(new Date(`${text.slice(0, 10)}T00:00:00Z`)) === text.slice(0, 10);

const isoDay = (at: Date): string => at.toISOString().slice(0, 10);

const idOrNobody = (id: string): string => (isUuid(id) ? id : NOBODY);

const wrongDay = (field: string, message: string): Error =>
  invalid(`${field} ${message}`, [{ path: ['query', field], message: `${field} ${message}`, type: 'invalid' }]);
