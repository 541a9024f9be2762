import { Module } from '@nestjs/common';
import { AuditModule } from '#libs/audit';
import { CONFIG, type Config } from '#libs/config';
import { OrganisationDeparturesModule } from '#libs/identity';
import { BudgetJournal } from './budget-journal.js';
import { BudgetsRepository } from './budgets.repository.js';
import { PriceTable } from './price-table.js';
import { ReservationsRepository } from './reservations.repository.js';
import { UsageDepartures } from './usage-departures.js';
import { UsageMeter } from './usage-meter.js';
import { UsageSweeper } from './usage-sweeper.js';
import { UsageRepository } from './usage.repository.js';

/** For the broker and the workers' sweep. Needs ConfigModule, DatabaseModule, EventsModule and a logger. */
@Module({
  imports: [AuditModule, OrganisationDeparturesModule],
  providers: [
    BudgetJournal,
    BudgetsRepository,
    ReservationsRepository,
    UsageDepartures,
    UsageMeter,
    UsageRepository,
    UsageSweeper,
    { provide: PriceTable, inject: [CONFIG], useFactory: (config: Config) => PriceTable.parse(config.prices) },
  ],
  exports: [UsageMeter, UsageSweeper, PriceTable],
})
export class MeteringModule {}
