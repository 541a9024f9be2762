import { DataSource, type DataSourceOptions } from 'typeorm';
import { migrations } from './migrations/index.js';

/** Options every process and the migration command share. `entities` are TypeORM entity classes. */
export const dataSourceOptions = (
  databaseUrl: string,
  entities: DataSourceOptions['entities'] = [],
  poolSize = 10,
): DataSourceOptions => ({
  type: 'postgres',
  url: databaseUrl,
  entities,
  migrations,
  synchronize: false,
  migrationsRun: false,
  migrationsTableName: 'migrations',
  migrationsTransactionMode: 'each',
  poolSize,
  applicationName: 'rookery',
  // a process that stands still must not keep rows from the others: shorter than the silence that makes a host dead
  extra: {
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    idle_in_transaction_session_timeout: 20_000,
  },
  poolErrorHandler: () => undefined,
});

/** An initialised data source; the caller destroys it. */
export const openDataSource = (databaseUrl: string, entities?: DataSourceOptions['entities']): Promise<DataSource> =>
  new DataSource(dataSourceOptions(databaseUrl, entities)).initialize();
