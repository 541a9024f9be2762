import { describe, expect, it } from '@jest/globals';
import { toAgentMcpServers } from './mcp-server.js';
import { filledIn, secretsOf } from './secret-references.js';

const SERVER = {
  url: 'https://mcp.example.com/mcp?key=${secret:mcp_a}&plain=%20x',
  headers: { Authorization: 'Bearer ${secret:mcp_b}', 'X-Both': '${secret:mcp_a}/${secret:mcp_b}', 'X-None': '1' },
};

describe('servers of an agent', () => {
  it('are told to it without addresses and headers, and programs where they can be started', () => {
    const servers = { web: SERVER, files: { command: 'node', args: ['x'] } };
    expect(toAgentMcpServers(servers, true)).toEqual({
      web: { transport: 'http' },
      files: { transport: 'stdio', command: 'node', args: ['x'], env: {} },
    });
    expect(toAgentMcpServers(servers, false)).toEqual({ web: { transport: 'http' } });
  });

  it('are filled in with secrets where they are referred to, whatever these hold', () => {
    expect(secretsOf(SERVER)).toEqual(['mcp_a', 'mcp_b']);
    const values: Record<string, string> = { mcp_a: 'a&b=${secret:mcp_b}', mcp_b: '$& $1' };
    const { url, headers } = filledIn(SERVER, (name) => values[name] ?? '');
    expect([...url.searchParams]).toEqual([
      ['key', values.mcp_a],
      ['plain', ' x'],
    ]);
    expect(headers).toEqual({
      Authorization: 'Bearer $& $1',
      'X-Both': `${values.mcp_a}/${values.mcp_b}`,
      'X-None': '1',
    });
  });
});
