import { AuditModule } from '#libs/audit';
import { AuditLogsController } from './audit-logs.controller.js';
import { TokensController } from './tokens.controller.js';

/** Keys and security: what the surface's module lists for them. */
export const SECURITY_MODULES = [AuditModule];
export const SECURITY_CONTROLLERS = [AuditLogsController, TokensController];
