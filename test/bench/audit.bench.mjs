// What the audit log adds to a transaction that is under way anyway: 20 writers of one organisation, without a row, with a
// row of a table that has nothing but a primary key, and with the audit row, in turns, while a worker seals behind them. Then
// how soon the last row has its place in the chain.
// Run after the build: node test/bench/audit.bench.mjs [transactions=6000]
import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AuditLog, AuditModule, AuditUpkeepModule, done } from '#libs/audit';
import { ConfigModule, loadConfig } from '#libs/config';
import { Database, DatabaseModule } from '#libs/database';
import { EventsModule } from '#libs/events';
import { LoggerModule, silentLogger } from '#libs/observability';
import { Table, openDatabase, quantile, until } from './harness.mjs';

const TRANSACTIONS = Number(process.argv[2] ?? 6_000);
const WRITERS = 20;
const ROUND = 10;
const INSERT = 'INSERT INTO bench_rows (org, subject, facts) VALUES ($1, $2, $3)';

const postgres = await openDatabase();
const dataDir = await mkdtemp(join(tmpdir(), 'rookery-bench-audit-'));
const config = loadConfig({ DATABASE_URL: postgres.url, DATA_DIR: dataDir });
const [api, worker] = [await program([AuditModule]), await program([AuditModule, AuditUpkeepModule])];
try {
  const database = api.get(Database);
  const log = api.get(AuditLog);
  const scope = { orgId: randomUUID() };
  await database.query(`INSERT INTO organisations (id, name, slug) VALUES ($1, 'Bench', 'bench')`, [scope.orgId]);
  await database.query('CREATE TABLE bench_things (writer int PRIMARY KEY, n int NOT NULL)');
  await database.query(
    'CREATE TABLE bench_rows (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, org uuid, subject text, facts jsonb)',
  );
  await database.query(`INSERT INTO bench_things SELECT nr, 0 FROM generate_series(1, ${WRITERS}) nr`);

  const rows = {
    none: () => undefined,
    barest: (tx, writer) => tx.named('bench_row', INSERT, [scope.orgId, `user:${writer}`, {}]),
    audit: (tx, writer) => log.append(tx, scope, done({ subject: `user:${writer}` }, 'agent.start', `agent:${writer}`)),
  };
  const change = async (writer, kind) => {
    const started = performance.now();
    await database.transaction(async (tx) => {
      await tx.query('UPDATE bench_things SET n = n + 1 WHERE writer = $1', [writer]);
      await rows[kind](tx, writer);
    });
    return performance.now() - started;
  };
  const kinds = Object.keys(rows);
  const times = { none: [], barest: [], audit: [] };
  const writer = async (nr) => {
    for (let at = 0; at < TRANSACTIONS / WRITERS; at += 1) {
      const kind = kinds[Math.floor(at / ROUND) % kinds.length];
      const ms = await change(nr, kind);
      if (at >= kinds.length * ROUND) times[kind].push(ms);
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, (_, nr) => writer(nr + 1)));
  const ended = performance.now();
  await until(async () => (await database.query('SELECT 1 FROM audit_events WHERE seq IS NULL LIMIT 1')).length === 0);

  const table = new Table(`${TRANSACTIONS} transactions of ${WRITERS} writers of one organisation`);
  table.times('without a row', times.none);
  table.times('with the barest row', times.barest);
  table.times('with an audit row', times.audit);
  const [none, barest, audit] = kinds.map((kind) => quantile(times[kind], 0.5));
  table.row('the barest row adds, p50', barest - none, 'ms');
  table.row('the audit row adds, p50', audit - none, 'ms', 1);
  table.row('the last row is sealed after', performance.now() - ended, 'ms', 1_000);
  table.finish();
} finally {
  await api.close();
  await worker.close();
  await postgres.close();
  await rm(dataDir, { recursive: true, force: true });
}

function program(modules) {
  class Program {}
  const shared = [LoggerModule.forRoot(silentLogger()), DatabaseModule.forRoot(), EventsModule.forRoot()];
  Module({ imports: [ConfigModule.forRoot(config), ...shared, ...modules] })(Program);
  return NestFactory.createApplicationContext(Program, { logger: false });
}
