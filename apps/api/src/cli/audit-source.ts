import { type ChainItem, storedChains } from '#libs/audit';
import { Database, openDataSource } from '#libs/database';
import { isUuid } from '#libs/kernel';

/** Lets `work` read the chains of a database as they are at one moment. @throws Error for an id that is none. */
export async function withStoredChains<T>(
  databaseUrl: string,
  orgId: string | undefined,
  work: (chains: AsyncIterable<ChainItem>) => Promise<T>,
): Promise<T> {
  if (orgId !== undefined && !isUuid(orgId)) throw new Error('--org must be the id of an organisation');
  const dataSource = await openDataSource(databaseUrl);
  try {
    return await new Database(dataSource).transaction(async (tx) => {
      await tx.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
      return work(storedChains(tx, orgId));
    });
  } finally {
    await dataSource.destroy();
  }
}
