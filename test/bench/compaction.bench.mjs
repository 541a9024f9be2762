// A session of 200,000 tokens with the default budget: does the agent still know what was said, what does it send, what does
// it take. The model is a local provider that summarises by keeping the lines that state a fact. Linux only.
// Run after the build: node test/bench/compaction.bench.mjs [tokens=200000]
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { quantile, Table } from './harness.mjs';

const ROOT = join(import.meta.dirname, '..', '..');
const PROGRAM = join(ROOT, 'dist', 'agent');
const FLAGS = ['--max-semi-space-size=2', '--max-old-space-size=128', '--v8-pool-size=1', '--no-maglev'];
const TOKENS = Number(process.argv[2] ?? 200_000);
const BUDGET = 32_000;
const FACTS = 60;
const TURN_TOKENS = 1000;
const RSS_MB = 145;
const BYTES_PER_TOKEN = 4;

if (!existsSync(join(PROGRAM, 'main.js'))) throw new Error('dist/agent/main.js is missing: npm run build');
const folder = await mkdtemp(join(tmpdir(), 'rookery-bench-compaction-'));
const { ProviderServer, summarisingModel, isSummaryRequest, sizeOf } = await openModel();
const provider = new ProviderServer('openai');
await provider.start();
provider.behaviour = { kind: 'model', step: summarisingModel };
const agent = await startAgent();
try {
  await measure();
} finally {
  agent.child.kill('SIGKILL');
  await provider.stop();
  await rm(folder, { recursive: true, force: true });
}

async function measure() {
  const table = new Table(`A session of ${TOKENS} tokens, budget ${BUDGET}`);
  const turns = Math.ceil(TOKENS / TURN_TOKENS);
  const everyTurns = Math.floor(turns / FACTS);
  const [plain, compacting] = [[], []];
  for (let nr = 0; nr < turns; nr++) {
    const before = summaries();
    const began = performance.now();
    await say(message(nr % everyTurns === 0 ? fact(nr / everyTurns) : ''), nr * 2);
    (summaries() === before ? plain : compacting).push(performance.now() - began);
  }
  const answer = await say('What do you know?', turns * 2);
  const planted = Array.from({ length: Math.min(FACTS, Math.ceil(turns / everyTurns)) }, (_, nr) => fact(nr));
  const asked = provider.asked.filter((one) => !isSummaryRequest(one));
  table.row('facts planted', planted.length, '');
  table.row('facts lost', planted.filter((text) => !answer.includes(text)).length, '', 0);
  table.row('most tokens sent in a turn', Math.max(...asked.map(sizeOf)), '', BUDGET);
  table.row('summaries written', summaries(), '');
  table.row('turn without compaction, p50', quantile(plain, 0.5), 'ms');
  table.row('turn with compaction, p50', quantile(compacting, 0.5), 'ms');
  table.row('RSS of the agent', rssMb(agent.child.pid), 'MB', RSS_MB);
  table.finish();
}

function summaries() {
  return provider.asked.filter(isSummaryRequest).length;
}

function fact(nr) {
  return `FACT the code of door ${nr} is ${nr * 7919}.`;
}

/** One turn's worth of text with a fact in its middle. */
function message(planted) {
  const half = 'and so on it went, with many words about nothing in particular '
    .repeat(100)
    .slice(0, (TURN_TOKENS * BYTES_PER_TOKEN) / 2);
  return `${half}\n${planted}\n${half}`;
}

async function say(text, turn) {
  const answer = await fetch(`${agent.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: 'Bearer bench', 'x-openclaw-session-key': 's1', 'x-rookery-turn': String(turn) },
    body: JSON.stringify({ messages: [{ role: 'user', content: text }] }),
  });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return (await answer.json()).choices[0].message.content;
}

async function openModel() {
  const outfile = join(folder, 'model.mjs');
  const contents = `export * from './provider-server.js'; export * from './summarising-model.js';`;
  const resolveDir = join(ROOT, 'apps', 'agent', 'test');
  await build({ stdin: { contents, resolveDir }, bundle: true, platform: 'node', format: 'esm', outfile });
  return import(outfile);
}

async function startAgent() {
  const permissions = [`--allow-fs-read=${PROGRAM}`, `--allow-fs-read=${folder}`, `--allow-fs-write=${folder}`];
  const child = spawn(process.execPath, [...FLAGS, '--permission', ...permissions, join(PROGRAM, 'main.js')], {
    env: {
      MALLOC_ARENA_MAX: '1',
      ROOKERY_AGENT_ID: 'bench',
      ROOKERY_WORKSPACE: folder,
      ROOKERY_GATEWAY_TOKEN: 'bench',
      ROOKERY_LLM_PROVIDER: 'openai',
      ROOKERY_LLM_BASE_URL: provider.url,
      ROOKERY_LLM_TOKEN: 'bench',
      ROOKERY_CONTEXT_TOKENS: String(BUDGET),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child.once('exit', (code) => code !== null && console.error(`the agent ended with ${code}`));
  let url;
  for await (const said of child.stdout.iterator({ destroyOnReturn: false })) {
    url = /listens on (127\.0\.0\.1:\d+)/.exec(said)?.[1];
    if (url) break;
  }
  if (!url) throw new Error('The agent did not start');
  child.stdout.resume();
  return { child, url: `http://${url}` };
}

function rssMb(pid) {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
}
