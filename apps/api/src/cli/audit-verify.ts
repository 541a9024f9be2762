import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type AuditReport, PublicAuditKey, type Verifier, auditKeyOf, exportedChains, verifyAudit } from '#libs/audit';
import { type Config, loadConfig } from '#libs/config';
import { withStoredChains } from './audit-source.js';

interface Wish {
  /** Configuration of the installation; undefined where export, checkpoints and public key stand for it. */
  readonly config: Config | undefined;
  readonly exported: string | undefined;
  readonly checkpointsDir: string;
  readonly verifiers: readonly Verifier[];
  readonly orgId: string | undefined;
}

/**
 * Checks the audit log's chains against themselves and against the signed checkpoints; prints a report as JSON and
 * ends with 1 when a row was changed, removed, put in or moved. Rows come from DATABASE_URL or `--export <file>`,
 * checkpoints from AUDIT_DIR or `--checkpoints <folder>`, the key from the installation or `--public-key <file>`
 * (several times where several hosts have keys of their own). `--org <id>` looks at one organisation.
 */
async function main(): Promise<number> {
  const wish = wishOf(process.argv.slice(2));
  const report = await (wish.exported === undefined ? ofDatabase(wish) : ofExport(wish, wish.exported));
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  const [first] = report.broken;
  if (first) process.stderr.write(`Organisation ${first.org}, row ${first.seq}: ${first.problem}\n`);
  report.problems.forEach((problem) => process.stderr.write(`${problem}\n`));
  return report.ok ? 0 : 1;
}

function ofExport({ checkpointsDir, verifiers, orgId }: Wish, file: string): Promise<AuditReport> {
  return verifyAudit({ chains: exportedChains(file), checkpointsDir, verifiers, orgId });
}

function ofDatabase({ config, checkpointsDir, verifiers, orgId }: Wish): Promise<AuditReport> {
  if (!config) throw new Error('Give --export, or DATABASE_URL');
  return withStoredChains(config.databaseUrl, orgId, (chains) =>
    verifyAudit({ chains, checkpointsDir, verifiers, orgId }),
  );
}

function wishOf(args: string[]): Wish {
  const { values } = parseArgs({
    args,
    options: {
      export: { type: 'string' },
      checkpoints: { type: 'string' },
      'public-key': { type: 'string', multiple: true, default: [] },
      org: { type: 'string' },
    },
  });
  const given = values['public-key'].map((file) => new PublicAuditKey(readFileSync(file, 'utf8')));
  const isWhole = values.export !== undefined && values.checkpoints !== undefined && given.length > 0;
  const config = isWhole ? undefined : loadConfig();
  return {
    config,
    exported: values.export,
    checkpointsDir: resolve(values.checkpoints ?? config?.audit.dir ?? ''),
    verifiers: given.length > 0 || !config ? given : [auditKeyOf(config)],
    orgId: values.org,
  };
}

main().then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  },
);
