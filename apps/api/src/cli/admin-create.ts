import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { loadConfig } from '#libs/config';
import { Database, isUniqueViolation, openDataSource, startFailure } from '#libs/database';
import { createFirstAdmin } from '#libs/identity';

/**
 * Makes a platform admin with an organisation and an API key, and prints them as JSON, this once:
 * `{"email","password","apiKey","orgId"}`. With `--first` it does so only when there is none yet, and otherwise prints
 * `{"exists":true}`.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      first: { type: 'boolean', default: false },
      json: { type: 'boolean', default: true },
      email: { type: 'string' },
      organisation: { type: 'string', default: 'Operators' },
    },
  });
  const email =
    values.email ?? (values.first ? 'admin@rookery.local' : `admin-${randomBytes(4).toString('hex')}@rookery.local`);
  const dataSource = await openDataSource(loadConfig().databaseUrl);
  try {
    const wish = { email, organisation: values.organisation, another: !values.first };
    const made = await createFirstAdmin(new Database(dataSource), wish);
    process.stdout.write(`${JSON.stringify(made ?? { exists: true })}\n`);
  } catch (error) {
    throw isUniqueViolation(error, 'users_email_key') ? new Error(`${email} has an account already`) : error;
  } finally {
    await dataSource.destroy();
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${startFailure(error, process.env.DATABASE_URL).reason}\n`);
  process.exitCode = 1;
});
