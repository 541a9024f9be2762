import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '#libs/database';
import type { Page, PageRequest, Scope } from '#libs/kernel';
import type { Template, TemplateCategory, TemplateDraft } from './template.js';

const COLUMNS = `id, name, description, category, icons, default_model AS "defaultModel",
  default_persona AS "defaultPersona", default_heartbeat_interval AS "defaultHeartbeatInterval",
  default_checklist AS "defaultChecklist", user_id AS "userId", created_at AS "createdAt", updated_at AS "updatedAt"`;

/** The lists of a template travel as JSON: arrays of arrays would have to be of one length. */
const ADD = `
  INSERT INTO agent_templates (org_id, user_id, id, name, description, category, icons, default_model, default_persona,
                               default_heartbeat_interval, default_checklist)
  SELECT $1, $2, t.id, t.name, t.description, t.category, t.icons, t."defaultModel", t."defaultPersona",
         t."defaultHeartbeatInterval", t."defaultChecklist"
    FROM jsonb_to_recordset($3::jsonb) AS t (id text, name text, description text, category text, icons text[],
         "defaultModel" text, "defaultPersona" text, "defaultHeartbeatInterval" text, "defaultChecklist" text[])
  ON CONFLICT DO NOTHING RETURNING ${COLUMNS}`;

/** Rows of `agent_templates`. */
@Injectable()
export class TemplatesRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** By name. */
  async list(scope: Scope, query: PageRequest & { readonly category?: TemplateCategory }): Promise<Page<Template>> {
    const filter = [scope.orgId, query.category ?? null];
    const [items, counted] = await Promise.all([
      this.database.query<Template>(
        `SELECT ${COLUMNS} FROM agent_templates WHERE org_id = $1 AND ($2::text IS NULL OR category = $2)
          ORDER BY name, id LIMIT $3 OFFSET $4`,
        [...filter, query.limit, query.offset],
      ),
      this.database.query<{ total: number }>(
        `SELECT count(*)::int AS total FROM agent_templates WHERE org_id = $1 AND ($2::text IS NULL OR category = $2)`,
        filter,
      ),
    ]);
    return { items, total: counted[0]?.total ?? 0 };
  }

  async find(scope: Scope, id: string): Promise<Template | undefined> {
    const rows = await this.database.query<Template>(
      `SELECT ${COLUMNS} FROM agent_templates WHERE org_id = $1 AND id = $2`,
      [scope.orgId, id],
    );
    return rows[0];
  }

  /** @returns those whose ids were free. */
  add(tx: Tx, scope: Scope, userId: string | null, drafts: readonly TemplateDraft[]): Promise<Template[]> {
    return tx.query<Template>(ADD, [scope.orgId, userId, JSON.stringify(drafts)]);
  }
}
