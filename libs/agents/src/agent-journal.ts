import { Inject, Injectable } from '@nestjs/common';
import type { Tx } from '#libs/database';
import { EventLog, Notices } from '#libs/events';
import { JobRinger } from '#libs/queue';
import { RECONCILE_AGENT } from './agents.jobs.js';
import {
  AGENT_EVENTS,
  AgentEvent,
  type FilesEventData,
  type ImageUpdateData,
  type SkillSwitchData,
  type StatusEventData,
} from './agents.events.js';

/** A row of `agents` right after an UPDATE that raised its `event_seq`. */
export interface Changed {
  readonly id: string;
  readonly org_id: string;
  /** bigint as text. */
  readonly event_seq: string;
}

/** What every change of an agent leaves behind, in the transaction of the change: an event, a notice, a ring. */
@Injectable()
export class AgentJournal {
  constructor(
    @Inject(EventLog) private readonly log: EventLog,
    @Inject(Notices) private readonly notices: Notices,
    @Inject(JobRinger) private readonly ringer: JobRinger,
  ) {}

  async status(tx: Tx, row: Changed, data: StatusEventData): Promise<void> {
    await this.append(tx, row, AgentEvent.status, { ...data });
  }

  async updated(tx: Tx, row: Changed, fields: readonly string[], cause: string): Promise<void> {
    await this.append(tx, row, AgentEvent.updated, { fields, cause });
  }

  async files(tx: Tx, row: Changed, data: FilesEventData): Promise<void> {
    await this.append(tx, row, AgentEvent.files, { ...data });
  }

  /** Takes a number of its own: it comes beside the change of status in the same transaction. */
  async image(tx: Tx, agentId: string, data: ImageUpdateData): Promise<void> {
    const [row] = await tx.query<Changed>(
      'UPDATE agents SET event_seq = event_seq + 1 WHERE id = $1 RETURNING id, org_id, event_seq',
      [agentId],
    );
    if (row) await this.append(tx, row, AgentEvent.image, { ...data });
  }

  async skillSwitched(tx: Tx, rows: readonly Changed[], data: SkillSwitchData): Promise<void> {
    const common = { kind: AGENT_EVENTS, type: AgentEvent.skillSwitched, data: { ...data } };
    const events = rows.map(({ id, org_id, event_seq }) => ({ ...common, id, orgId: org_id, seq: Number(event_seq) }));
    await this.log.appendAll(tx, events);
    for (const { id } of rows) this.notices.notifyAfter(tx, 'agent', id);
  }

  /** Wakes the worker of the agent's host; the sweep does it too, only later. */
  async ring(tx: Tx, agentId: string, host: { readonly id: string; readonly incarnation: number }): Promise<void> {
    await this.ringer.ring(tx, RECONCILE_AGENT, { agentId, incarnation: host.incarnation }, { hostId: host.id });
  }

  private async append(tx: Tx, row: Changed, type: string, data: Record<string, unknown>): Promise<void> {
    const seq = Number(row.event_seq);
    await this.log.append(tx, { orgId: row.org_id, kind: AGENT_EVENTS, id: row.id, seq, type, data });
    this.notices.notifyAfter(tx, 'agent', row.id);
  }
}
