import { Module } from '@nestjs/common';
import { AgentsModule } from '#libs/agents';
import { AuditModule } from '#libs/audit';
import { SwarmsModule } from '#libs/swarms';
import { BudgetJournal } from './budget-journal.js';
import { BudgetsRepository } from './budgets.repository.js';
import { BudgetsService } from './budgets.service.js';
import { UsageRepository } from './usage.repository.js';
import { UsageService } from './usage.service.js';

/** For the surfaces: reports, and budgets to read and set. */
@Module({
  imports: [AgentsModule, AuditModule, SwarmsModule],
  providers: [BudgetJournal, BudgetsRepository, BudgetsService, UsageRepository, UsageService],
  exports: [BudgetsService, UsageService],
})
export class UsageModule {}
