import type { RegistryTool, ToolRow } from '../registry-tool.js';

const pip = ([name, packageName, bin, docs, description]: ToolRow, ...more: string[]): RegistryTool => ({
  ...{ name, description, method: 'pip' as const, package: packageName, bin, docs },
  requirements: ['Python 3', ...more],
});

/** Tools that are Python packages. */
export const PIP_TOOLS: readonly RegistryTool[] = [
  pip([
    'codespell',
    'codespell',
    'codespell',
    'https://github.com/codespell-project/codespell',
    'Corrects common misspellings',
  ]),
  pip(['csvkit', 'csvkit', 'csvlook', 'https://csvkit.readthedocs.io', 'Looks at, cuts, joins and converts CSV']),
  pip(
    ['httpie', 'httpie', 'http', 'https://httpie.io/docs/cli', 'Calls HTTP APIs'],
    'The hosts it calls approved for the agent',
  ),
  pip(['jc', 'jc', 'jc', 'https://kellyjonbrazil.github.io/jc/', 'Turns the output of commands into JSON']),
  pip([
    'markitdown',
    'markitdown',
    'markitdown',
    'https://github.com/microsoft/markitdown',
    'Turns documents into Markdown',
  ]),
  pip(
    [
      'nano-pdf',
      'nano-pdf',
      'nano-pdf',
      'https://github.com/gavrielc/Nano-PDF',
      'Edits slides of a PDF in plain words',
    ],
    'A key for the Gemini API',
  ),
  pip([
    'pdfplumber',
    'pdfplumber',
    'pdfplumber',
    'https://github.com/jsvine/pdfplumber',
    'Takes text and tables out of PDF files',
  ]),
  pip(['ruff', 'ruff', 'ruff', 'https://docs.astral.sh/ruff/', 'Checks and formats Python']),
  pip(['sqlfluff', 'sqlfluff', 'sqlfluff', 'https://docs.sqlfluff.com', 'Checks and corrects SQL of many dialects']),
  pip([
    'sqlite-utils',
    'sqlite-utils',
    'sqlite-utils',
    'https://sqlite-utils.datasette.io',
    'Makes and queries SQLite databases',
  ]),
  pip(
    [
      'trafilatura',
      'trafilatura',
      'trafilatura',
      'https://trafilatura.readthedocs.io',
      'Takes the text out of web pages',
    ],
    'The hosts it reads approved for the agent',
  ),
  pip(['yamllint', 'yamllint', 'yamllint', 'https://yamllint.readthedocs.io', 'Checks YAML files']),
  pip(
    ['yt-dlp', 'yt-dlp', 'yt-dlp', 'https://github.com/yt-dlp/yt-dlp', 'Downloads video and audio'],
    'The hosts it reads approved for the agent',
  ),
];
