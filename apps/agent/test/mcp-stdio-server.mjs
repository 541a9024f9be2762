// The MCP SDK's own server over stdio, as a program that an agent starts beside itself.
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';

const TOOLS = {
  environment: () =>
    JSON.stringify({ variables: process.env, arguments: process.argv.slice(2), folder: process.cwd() }),
  crash: () => process.exit(3),
};

const server = new Server({ name: 'beside', version: '1.0.0' }, { capabilities: { tools: {} } });
server.setRequestHandler(ListToolsRequestSchema, () => ({
  tools: Object.keys(TOOLS).map((name) => ({ name, inputSchema: { type: 'object' } })),
}));
server.setRequestHandler(CallToolRequestSchema, ({ params }) => ({
  content: [{ type: 'text', text: TOOLS[params.name]() }],
}));
process.stderr.write('beside is ready\n');
await server.connect(new StdioServerTransport());
