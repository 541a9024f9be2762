import type { RegistryTool, ToolRow } from '../registry-tool.js';

const go = ([name, packageName, bin, docs, description]: ToolRow): RegistryTool => ({
  ...{ name, description, method: 'go' as const, package: packageName, bin, docs },
  requirements: ['Go to build it; the program needs nothing'],
});

/** Tools that are Go modules, at versions that the Go of the image of tools can build. */
export const GO_TOOLS: readonly RegistryTool[] = [
  go([
    'glow',
    'github.com/charmbracelet/glow@v1.5.1',
    'glow',
    'https://github.com/charmbracelet/glow',
    'Renders Markdown as plain text',
  ]),
  go([
    'gojq',
    'github.com/itchyny/gojq/cmd/gojq@v0.12.13',
    'gojq',
    'https://github.com/itchyny/gojq',
    'Filters and reshapes JSON, as jq does',
  ]),
  go(['gron', 'github.com/tomnomnom/gron@v0.7.1', 'gron', 'https://github.com/tomnomnom/gron', 'Makes JSON greppable']),
  go([
    'hey',
    'github.com/rakyll/hey@v0.1.4',
    'hey',
    'https://github.com/rakyll/hey',
    'Measures how fast an HTTP server answers',
  ]),
  go(['shfmt', 'mvdan.cc/sh/v3/cmd/shfmt@v3.6.0', 'shfmt', 'https://github.com/mvdan/sh', 'Formats shell scripts']),
];
