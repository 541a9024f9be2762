// Search over a catalogue of many skills, as the API asks it: words, beginnings of words, categories, later pages, nothing at all.
// Run after the build: node test/bench/catalogue.bench.mjs [skills=20000]
import 'reflect-metadata';
import { Database, openDataSource } from '#libs/database';
import { newId } from '#libs/kernel';
import { SkillsRepository } from '../../dist/libs/skills/src/skills.repository.js';
import { Table, openDatabase } from './harness.mjs';

const SKILLS = Number(process.argv[2] ?? 20_000);
const OWN = 500;
const ROUNDS = 60;
const P99_MS = 30;
const SCOPE = { orgId: newId() };
const PAGE = { limit: 20, offset: 0 };

/** Zipf-like: the first words are in many skills, the last in few. */
const WORDS = Array.from(
  { length: 3_000 },
  (_, n) => `${'bcdfghjklmnprstvwz'[n % 18]}${'aeiou'[n % 5]}${n.toString(36)}`,
);
let state = 7;
const dice = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
const word = () => WORDS[Math.floor(WORDS.length * dice() ** 3)];
const words = (count) => Array.from({ length: count }, word).join(' ');

const ROWS = `jsonb_to_recordset($1) AS r (key uuid, org uuid, id text, level text, name text, description text, tags text[],
                                          category text, installs int, digest text)`;
const CONTENTS = `
  INSERT INTO skill_contents (digest, files, file_count, size_bytes, scan, scan_version)
  SELECT digest, '{}', 1, 1000, '{"securityScore":90,"verdict":"pass","findings":[],"reasons":["-10 (medium) Something"]}', 1 FROM ${ROWS}`;
const INSERT = `
  INSERT INTO skills (key, org_id, id, trust_level, name, description, enhanced_description, author, category, tags, use_cases,
                      tool_count, version, digest, permissions, install_count, search)
  SELECT key, org, id, level, name, description, description, 'bench', category, tags, '{}', 0, '1.0.0', digest,
         '{"network":[],"read":[],"write":[],"env":[]}', installs,
         setweight(to_tsvector('simple', name || ' ' || id), 'A') || setweight(to_tsvector('english', name), 'A') ||
         setweight(to_tsvector('english', array_to_string(tags, ' ')), 'B') || setweight(to_tsvector('english', description), 'C')
    FROM ${ROWS}`;

/** What people type, with what it stands for. */
const QUERIES = {
  'nothing typed': () => ({}),
  'nothing typed, page 50': () => ({ offset: 980 }),
  'a category': () => ({ category: `category-${Math.floor(dice() * 20)}` }),
  'a frequent word': () => ({ search: WORDS[Math.floor(dice() * 20)] }),
  'a rare word': () => ({ search: WORDS[2_000 + Math.floor(dice() * 900)] }),
  'two words': () => ({ search: words(2) }),
  'the beginning of a word': () => ({ search: word().slice(0, 2) }),
  'a word in a category': () => ({ search: word(), category: 'category-3' }),
  'a word that nobody uses': () => ({ search: 'zebra' }),
};

const cluster = await openDatabase();
const dataSource = await openDataSource(cluster.url);
const database = new Database(dataSource);
try {
  await fill();
  const skills = new SkillsRepository(database);
  const table = new Table(`Search over ${SKILLS} skills, ${OWN} of them the organisation's own`);
  const all = [];
  for (const [name, query] of Object.entries(QUERIES)) {
    const times = [];
    for (let n = 0; n < ROUNDS; n += 1) {
      const wanted = { ...PAGE, ...query() };
      const begun = performance.now();
      await skills.search(SCOPE, wanted);
      times.push(performance.now() - begun);
    }
    table.times(name, times);
    all.push(...times);
  }
  table.times('all of them', all, { p99: P99_MS });
  table.finish();
} finally {
  await dataSource.destroy();
  await cluster.close();
}

async function fill() {
  await database.query(`INSERT INTO organisations (id, name, slug) VALUES ($1, 'bench', 'bench')`, [SCOPE.orgId]);
  const rows = Array.from({ length: SKILLS }, (_, n) => ({
    ...{ key: newId(), org: n < OWN ? SCOPE.orgId : null, id: `skill-${n}`, level: n < OWN ? 'custom' : 'clawhub' },
    ...{ name: words(3), description: words(25), tags: words(5).split(' '), category: `category-${n % 20}` },
    ...{ installs: Math.floor(1_000 * dice() ** 6), digest: `digest-${n}` },
  }));
  for (let at = 0; at < rows.length; at += 2_000) {
    const part = JSON.stringify(rows.slice(at, at + 2_000));
    await database.query(CONTENTS, [part]);
    await database.query(INSERT, [part]);
  }
  await database.query('VACUUM ANALYZE');
}
