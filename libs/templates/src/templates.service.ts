import { Inject, Injectable } from '@nestjs/common';
import { AuditLog, done } from '#libs/audit';
import { Database } from '#libs/database';
import { type Caller, type Page, type PageRequest, notFound, requireScope } from '#libs/kernel';
import { DEFAULT_TEMPLATES } from './default-templates.js';
import type { Template, TemplateCategory } from './template.js';
import { TemplatesRepository } from './templates.repository.js';

/** What agents of an organisation can begin as. */
@Injectable()
export class TemplatesService {
  constructor(
    @Inject(TemplatesRepository) private readonly templates: TemplatesRepository,
    @Inject(Database) private readonly database: Database,
    @Inject(AuditLog) private readonly audit: AuditLog,
  ) {}

  /** By name. */
  async list(caller: Caller, query: PageRequest & { readonly category?: TemplateCategory }): Promise<Page<Template>> {
    requireScope(caller, 'agents:read');
    return this.templates.list(caller, query);
  }

  /** @throws DomainError `not_found`. */
  async get(caller: Caller, id: string): Promise<Template> {
    requireScope(caller, 'agents:read');
    return this.find(caller, id);
  }

  /** For whoever may make agents, which needs no right to read. @throws DomainError `not_found`. */
  async forNewAgent(caller: Caller, id: string): Promise<Template> {
    requireScope(caller, 'agents:write');
    return this.find(caller, id);
  }

  /** Adds the default ones that are not there. @returns those that were added. */
  async seed(caller: Caller): Promise<Template[]> {
    requireScope(caller, 'agents:write');
    return this.database.transaction(async (tx) => {
      const added = await this.templates.add(tx, caller, caller.userId ?? null, DEFAULT_TEMPLATES);
      if (added.length > 0) await this.audit.append(tx, caller, done(caller, 'templates.seed', 'templates'));
      return added;
    });
  }

  private async find(caller: Caller, id: string): Promise<Template> {
    const template = await this.templates.find(caller, id);
    if (!template) throw notFound('Template');
    return template;
  }
}
