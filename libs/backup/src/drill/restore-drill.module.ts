import { Module } from '@nestjs/common';
import { DrillsRepository } from './drills.repository.js';
import { RestoreDrill } from './restore-drill.js';

/** The rehearsal of restores, for workers that reach the storage. Needs ConfigModule, DatabaseModule, EventsModule, StorageModule, LoggerModule. */
@Module({ providers: [DrillsRepository, RestoreDrill], exports: [RestoreDrill] })
export class RestoreDrillModule {}
