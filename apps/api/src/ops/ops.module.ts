import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { AuditModule } from '#libs/audit';
import { ConversationsModule } from '#libs/conversations';
import { IdentityModule, TeamModule } from '#libs/identity';
import { AccountPages, MailedLinks } from './accounts/account-pages.js';
import { AdminPages } from './admin/admin-pages.js';
import { AdminSessions } from './admin/admin-sessions.js';
import { QueueBoard } from './admin/queue-board.js';
import { DocsAssets } from './docs/docs-assets.js';
import { DocsController } from './docs/docs.controller.js';
import { OpenApiDocuments } from './docs/openapi-documents.js';
import { HealthController } from './health/health.controller.js';
import { Readiness } from './health/readiness.js';
import { MetricsController } from './metrics/metrics.controller.js';
import { PagesController } from './pages/pages.controller.js';

/** What operators and load balancers ask for: health, metrics, documents, the queue board. */
@Module({
  imports: [TerminusModule, AuditModule, ConversationsModule, IdentityModule, TeamModule],
  controllers: [PagesController, HealthController, MetricsController, DocsController],
  providers: [
    AccountPages,
    MailedLinks,
    AdminPages,
    AdminSessions,
    DocsAssets,
    OpenApiDocuments,
    QueueBoard,
    Readiness,
  ],
})
export class OpsModule {}
