import { type DynamicModule, Global, Module } from '@nestjs/common';
import { APP_FILTER, APP_INTERCEPTOR, APP_PIPE } from '@nestjs/core';
import { AuditModule } from '#libs/audit';
import { AgentsModule } from '#libs/agents';
import { Database } from '#libs/database';
import { IdentityModule } from '#libs/identity';
import { SlidingWindow } from '#libs/rate-limit';
import type { Surface } from '../surfaces/surface.js';
import { Admission } from './admission.js';
import { Credentials } from './credentials.js';
import { DataScope } from './data-scope.js';
import { HttpEdge } from './edge.js';
import { ErrorFilter } from './error-filter.js';
import { HttpHousekeeping } from './housekeeping.js';
import { IdempotencyInterceptor } from './idempotency/idempotency.interceptor.js';
import { IdempotencyRepository } from './idempotency/idempotency.repository.js';
import type { PolicyTable } from './policy.js';
import { RefusalLog } from './refusal-log.js';
import { StreamWatch } from './stream-watch.js';
import { SurfaceRegistry } from './surface-registry.js';
import { POLICY_TABLE_TOKEN, SURFACES_TOKEN } from './tokens.js';
import { RequestValidation } from './validation.js';

/** What all surfaces share: admission, errors, validation and idempotency. */
@Global()
@Module({})
export class HttpModule {
  static forRoot(surfaces: readonly Surface[], table: PolicyTable): DynamicModule {
    return {
      module: HttpModule,
      imports: [AgentsModule, AuditModule, IdentityModule],
      providers: [
        { provide: SURFACES_TOKEN, useValue: surfaces },
        { provide: POLICY_TABLE_TOKEN, useValue: table },
        { provide: SlidingWindow, inject: [Database], useFactory: (database: Database) => new SlidingWindow(database) },
        SurfaceRegistry,
        Credentials,
        DataScope,
        Admission,
        StreamWatch,
        HttpEdge,
        IdempotencyRepository,
        HttpHousekeeping,
        RefusalLog,
        ErrorFilter,
        { provide: APP_FILTER, useExisting: ErrorFilter },
        { provide: APP_PIPE, useClass: RequestValidation },
        { provide: APP_INTERCEPTOR, useClass: IdempotencyInterceptor },
      ],
      exports: [SURFACES_TOKEN, POLICY_TABLE_TOKEN, SlidingWindow, SurfaceRegistry, ErrorFilter, HttpEdge],
    };
  }
}
