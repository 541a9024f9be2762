import { type DynamicModule, Global, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { TypeOrmModule, getDataSourceToken } from '@nestjs/typeorm';
import { CONFIG, type Config } from '#libs/config';
import type { DataSource } from 'typeorm';
import { SchemaError } from './database.errors.js';
import { Database } from './database.js';
import { dataSourceOptions } from './data-source.js';
import { schemaProblems } from './migrator.js';

/** Gives every module {@link Database} and TypeORM's repositories; refuses a schema this build does not know. */
@Global()
@Module({})
export class DatabaseModule implements OnApplicationShutdown {
  constructor(@Inject(Database) private readonly database: Database) {}

  static forRoot(): DynamicModule {
    return {
      module: DatabaseModule,
      imports: [
        TypeOrmModule.forRootAsync({
          inject: [CONFIG],
          useFactory: (config: Config) => ({
            ...dataSourceOptions(config.databaseUrl),
            autoLoadEntities: true,
            retryAttempts: 0,
          }),
        }),
      ],
      providers: [
        {
          provide: Database,
          inject: [getDataSourceToken()],
          useFactory: async (dataSource: DataSource) => {
            const problems = await schemaProblems(dataSource);
            if (problems.length > 0) throw new SchemaError(problems);
            return new Database(dataSource);
          },
        },
      ],
      exports: [Database],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    if (this.database.dataSource.isInitialized) await this.database.dataSource.destroy();
  }
}
