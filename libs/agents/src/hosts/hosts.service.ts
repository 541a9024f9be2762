import { Inject, Injectable } from '@nestjs/common';
import { AuditLog, done } from '#libs/audit';
import { Database } from '#libs/database';
import { type Caller, DomainError, type Page, notFound } from '#libs/kernel';
import type { Host } from './host.js';
import { HostsRepository } from './hosts.repository.js';

/** The machines that run agents, for platform admins: they belong to no organisation. */
@Injectable()
export class HostsService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(HostsRepository) private readonly hosts: HostsRepository,
    @Inject(AuditLog) private readonly audit: AuditLog,
  ) {}

  async list(caller: Caller, page: { readonly limit: number; readonly offset: number }): Promise<Page<Host>> {
    requirePlatformAdmin(caller);
    const [items, total] = await this.hosts.list(page);
    return { items, total };
  }

  /** @throws DomainError `not_found`. */
  async get(caller: Caller, id: string): Promise<Host> {
    requirePlatformAdmin(caller);
    const host = await this.hosts.find(id);
    if (!host) throw notFound('Host');
    return host;
  }

  /**
   * A draining host takes no agents, and gives away those it has, a few at once, wherever another has room; stopped,
   * stored and started there. Ends with `draining: false`. @throws DomainError `not_found`.
   */
  async drain(caller: Caller, id: string, draining: boolean): Promise<Host> {
    requirePlatformAdmin(caller);
    await this.database.transaction(async (tx) => {
      if (!(await this.hosts.setDraining(tx, id, draining))) throw notFound('Host');
      await this.audit.append(tx, caller, done(caller, draining ? 'host.drain' : 'host.undrain', `host:${id}`));
    });
    return this.get(caller, id);
  }
}

function requirePlatformAdmin(caller: Caller): void {
  if (caller.isPlatformAdmin) return;
  throw new DomainError('forbidden', 'forbidden', 'Only platform admins see and change hosts');
}
