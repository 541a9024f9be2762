// Bundles the house runtime: dist/agent/main.js and the chunks it loads on demand (SDK, one per provider); and the bridge
// to OpenClaw, one file that any image with Node can run: dist/openclaw/bridge.mjs.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Keeps out of the bundle, and of every agent's memory, what no agent uses. */
const leaveOut = {
  name: 'leave-out',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^@ai-sdk\/gateway$/ }, () => ({ path: join(root, 'apps/agent/src/sdk/no-gateway.ts') }));
    onResolve({ filter: /\/validation\/ajv-provider\.js$/ }, () => ({
      path: join(root, 'apps/agent/src/sdk/no-validator.ts'),
    }));
    // Messages in fifty languages.
    onLoad({ filter: /\/zod\/v4\/locales\/index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
    }));
  },
};

/** Builds into `outdir` (replaced as a whole) and returns the entry file. */
export async function buildAgent(outdir) {
  const staging = `${outdir}.${process.pid}.tmp`;
  await rm(staging, { recursive: true, force: true });
  const result = await build({
    absWorkingDir: root,
    entryPoints: ['apps/agent/src/main.ts'],
    outdir: staging,
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    // Packages in CommonJS ask for Node's own modules through `require`, which ESM lacks.
    banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
    chunkNames: 'chunks/[name]-[hash]',
    legalComments: 'none',
    plugins: [leaveOut],
    metafile: true,
    logLevel: 'warning',
  });
  await mkdir(staging, { recursive: true });
  await writeFile(join(staging, 'package.json'), '{ "type": "module" }\n');
  await writeFile(join(staging, 'LICENSES.txt'), licences(Object.keys(result.metafile.inputs)));
  await rm(outdir, { recursive: true, force: true });
  await rename(staging, outdir);
  return join(outdir, 'main.js');
}

/** Builds one file into `outdir` (replaced as a whole) and returns it. */
export async function buildBridge(outdir) {
  const staging = `${outdir}.${process.pid}.tmp`;
  await rm(staging, { recursive: true, force: true });
  const result = await build({
    absWorkingDir: root,
    entryPoints: [{ in: 'apps/agent/src/openclaw/bridge.ts', out: 'bridge' }],
    outdir: staging,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
  });
  await writeFile(join(staging, 'LICENSES.txt'), licences(Object.keys(result.metafile.inputs)));
  await rm(outdir, { recursive: true, force: true });
  await rename(staging, outdir);
  return join(outdir, 'bridge.mjs');
}

/** The licence texts of everything that went into the bundle. */
function licences(inputs) {
  const packages = new Set(
    inputs.flatMap((input) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0] ?? []),
  );
  return [...packages].sort().map(licence).join('\n');
}

function licence(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
  const file = readdirSync(join(root, folder)).find((entry) => /^licen[cs]e/i.test(entry));
  const text =
    file && existsSync(join(root, folder, file)) ? readFileSync(join(root, folder, file), 'utf8').trim() : '';
  return `${'-'.repeat(80)}\n${name} ${version}, ${license}\n\n${text}\n`;
}

if (process.argv[1] && import.meta.url === pathToFileURL(resolve(process.argv[1])).href) {
  const [first, second] = process.argv.slice(2);
  const entries =
    first === '--bridge'
      ? [await buildBridge(resolve(second))]
      : first
        ? [await buildAgent(resolve(first))]
        : [await buildAgent(join(root, 'dist', 'agent')), await buildBridge(join(root, 'dist', 'openclaw'))];
  for (const entry of entries) process.stdout.write(`${basename(dirname(entry))}/${basename(entry)} built\n`);
}
