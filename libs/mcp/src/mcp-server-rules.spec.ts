import { describe, expect, it } from '@jest/globals';
import { mcpServerIssues } from './mcp-server-rules.js';

const problems = (value: unknown, stdioWorks = true): string[] =>
  mcpServerIssues(value, stdioWorks).map(({ path, message }) => `${path.slice(3).join('.')}: ${message}`);
const http = (more: object): object => ({ a: { url: 'https://mcp.example.com/mcp', ...more } });

describe('config.mcpServers', () => {
  it('takes servers by URL, with secrets by reference, and programs in docker', () => {
    const servers = {
      search: { url: 'https://mcp.example.com/mcp?region=eu' },
      'code-host-2': {
        url: 'http://mcp.internal:8080/x?api_key=${secret:mcp_code}',
        headers: { Authorization: 'Bearer ${secret:mcp_code_host}', 'X-Team': 'blue', 'X-Author': 'me' },
      },
      files: { command: 'node', args: ['server.mjs', '--root', '/workspace'], env: { MAX_TOKENS: '5', LANG: 'C' } },
      bare: { command: './tool' },
    };
    expect(problems(servers)).toEqual([]);
    expect(problems({})).toEqual([]);
  });

  it.each([[[]], ['x'], [null], [1]])('is no %j', (value) => {
    expect(problems(value)).toEqual([': must be an object of servers by name']);
  });

  it('holds at most 20 servers', () => {
    const servers = (count: number): object =>
      Object.fromEntries(Array.from({ length: count }, (_, n) => [`s${n}`, { url: 'https://a.test' }]));
    expect(problems(servers(20))).toEqual([]);
    expect(problems(servers(21))).toEqual([': must hold at most 20 servers']);
  });

  it.each(['', 'A', '-a', 'a_b', 'a.b', '../x', 'x'.repeat(33), '__proto__', 'ä'])('refuses the name %j', (name) => {
    const [problem, ...more] = problems(JSON.parse(`{${JSON.stringify(name)}:{"url":"https://a.test"}}`));
    expect(problem).toContain('must be named');
    expect(more).toEqual([]);
  });

  it.each([
    ['a text', 'https://a.test'],
    ['a list', []],
    ['neither', {}],
    ['both', { url: 'https://a.test', command: 'x' }],
    ['a stranger', { url: 'https://a.test', transport: 'sse' }],
    ['headers of a program', { command: 'x', headers: {} }],
    ['null', null],
  ])('refuses a server that is %s', (_what, server) => expect(problems({ a: server })).toHaveLength(1));

  it.each([
    'ftp://a.test',
    'file:///etc/passwd',
    'a.test',
    '',
    7,
    'https://user:pw@a.test/',
    `https://a.test/${'x'.repeat(2_048)}`,
    'https://a.test/${secret:mcp_x}',
    'https://${secret:mcp_x}.test/',
    'https://a.test/?k=${secret:openai_api_key}',
    'https://a.test/?k=${env:HOME}',
    'https://a.test/?api_key=plain',
    'https://a.test/?k=1#${secret:mcp_x}',
  ])('refuses the URL %j', (url) => {
    const [problem] = problems({ a: { url } });
    expect(problem).toMatch(/^a\.url: /);
    expect(problem).not.toMatch(/pw|plain/);
  });

  it.each([
    ['keys of providers', { 'X-A': '${secret:openai_api_key}' }],
    ['malformed references', { 'X-A': '${secret:}' }],
    ['open references', { 'X-A': '${secret:mcp_a' }],
    ['other references', { 'X-A': '${HOME}' }],
    ['plain secrets', { Authorization: 'Bearer abc' }],
    ['plain secrets', { 'X-Api-Key': 'abc' }],
    ['plain secrets', { 'Private-Token': 'abc' }],
    ['plain secrets', { 'X-Anything': 'Bearer abcdef' }],
    ['broken lines', { 'X-A': 'a\r\nHost: b' }],
    ['other characters', { 'X-A': 'ä' }],
    ['values that are no text', { 'X-A': 1 }],
    ['broken names', { 'X A': 'b' }],
    ['the host', { Host: 'a.test' }],
    ['lengths', { 'Content-Length': '1' }],
    ['sessions', { 'Mcp-Session-Id': '1' }],
    ['lists', ['a']],
  ])('refuses headers with %s', (_what, headers) => expect(problems(http({ headers }))).toHaveLength(1));

  it('never repeats what may be a secret', () => {
    const told = problems({
      a: { url: 'https://a.test', headers: { 'sk-live CANARY': 'x', Authorization: 'CANARY' } },
    });
    expect(told).toHaveLength(2);
    expect(told.join()).not.toContain('CANARY');
  });

  it.each([
    ['no command', { command: '' }],
    ['a command of another type', { command: ['x'] }],
    ['NUL', { command: 'a\0b' }],
    ['arguments that are no list', { command: 'x', args: 'y' }],
    ['an argument of another type', { command: 'x', args: ['y', 1] }],
    ['too many arguments', { command: 'x', args: Array(65).fill('y') }],
    ['an environment that is a list', { command: 'x', env: ['A=b'] }],
    ['a wrong variable', { command: 'x', env: { 'A=B': 'c' } }],
    ['secrets, which the agent could read', { command: 'x', env: { API_KEY: 'abc' } }],
    ['references to secrets', { command: 'x', args: ['${secret:mcp_a}'] }],
  ])('refuses a program with %s', (_what, server) => expect(problems({ a: server })).toHaveLength(1));

  it('refuses programs outside docker, and says so', () => {
    expect(problems({ a: { command: 'node' } }, false)).toEqual([
      'a.command: works in the docker runtime only; give a url here',
    ]);
  });
});
