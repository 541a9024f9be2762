import type { RegistryTool, ToolRow } from '../registry-tool.js';

const npm = ([name, packageName, bin, docs, description]: ToolRow): RegistryTool => ({
  ...{ name, description, method: 'npm' as const, package: packageName, bin, docs },
  requirements: ['Node.js'],
});

/** Tools that are npm packages. */
export const NPM_TOOLS: readonly RegistryTool[] = [
  npm(['csvtojson', 'csvtojson', 'csvtojson', 'https://github.com/Keyang/node-csvtojson', 'Turns CSV into JSON']),
  npm([
    'eslint',
    'eslint',
    'eslint',
    'https://eslint.org/docs/latest/use/command-line-interface',
    'Finds problems in JavaScript',
  ]),
  npm([
    'mapshaper',
    'mapshaper',
    'mapshaper',
    'https://github.com/mbloch/mapshaper/wiki',
    'Edits and simplifies geographic data',
  ]),
  npm([
    'markdownlint',
    'markdownlint-cli',
    'markdownlint',
    'https://github.com/igorshubovych/markdownlint-cli',
    'Checks the style of Markdown files',
  ]),
  npm([
    'marp',
    '@marp-team/marp-cli',
    'marp',
    'https://github.com/marp-team/marp-cli',
    'Turns Markdown into slides as HTML',
  ]),
  npm([
    'prettier',
    'prettier',
    'prettier',
    'https://prettier.io/docs/cli',
    'Formats source code, Markdown, JSON and YAML',
  ]),
  npm([
    'spectral',
    '@stoplight/spectral-cli',
    'spectral',
    'https://docs.stoplight.io/docs/spectral',
    'Checks OpenAPI and AsyncAPI documents',
  ]),
  npm([
    'sql-formatter',
    'sql-formatter',
    'sql-formatter',
    'https://github.com/sql-formatter-org/sql-formatter',
    'Formats SQL queries',
  ]),
  npm(['svgo', 'svgo', 'svgo', 'https://svgo.dev/docs/usage/cli/', 'Makes SVG images smaller']),
  npm(['terser', 'terser', 'terser', 'https://terser.org/docs/cli-usage/', 'Makes JavaScript smaller']),
  npm(['write-good', 'write-good', 'write-good', 'https://github.com/btford/write-good', 'Finds weak English prose']),
];
