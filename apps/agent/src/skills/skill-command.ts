import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { proxyVariables } from '../proxy-variables.js';
import { type AgentTool, objectSchema, textField, ToolError, type ToolInput } from '../tools/agent-tool.js';
import { inside } from './inside.js';
import type { SkillShelf } from './skill-shelf.js';

const MAX_ARGUMENTS = 50;
const MAX_ARGUMENT_CHARS = 8_000;
const MAX_INPUT_CHARS = 200_000;
const MAX_OUTPUT_BYTES = 256 * 1024;
const BIN = /^[A-Za-z0-9_][A-Za-z0-9._+-]*$/;
const INTERPRETERS: Readonly<Record<string, string>> = {
  '.sh': 'sh',
  '.py': 'python3',
  '.js': 'node',
  '.mjs': 'node',
  '.cjs': 'node',
};
/** What a command gets of the agent's environment beside the way out: nothing that speaks for the agent. */
const PASSED_ON = /^(PATH|LANG|LC_[A-Z]+|TZ)$/;

/**
 * Runs programs of skills: those in `scripts/` of its folder, and those that its requirements name (`bins`). Only for agents in
 * containers, and never for a peer: a command sees the whole workspace.
 */
export const skillCommandTool = (shelf: SkillShelf, workspace: string): AgentTool => ({
  name: 'skill_run',
  description:
    'Runs a program of one of your skills in the workspace: a file in its scripts folder, or a program it requires. Gives exit code and output.',
  inputSchema: objectSchema(
    {
      skill: { type: 'string', description: "The skill's name" },
      command: { type: 'string', description: 'scripts/<file> of the skill, or the name of a program it requires' },
      args: {
        type: 'array',
        items: { type: 'string' },
        description: 'Arguments, passed on as they are: no shell reads them',
      },
      input: { type: 'string', description: 'What the program reads from its standard input' },
    },
    ['skill', 'command'],
  ),
  async run(input, signal) {
    const skill = textField(input, 'skill', 200);
    const folder = shelf.folderOf(skill);
    if (folder === undefined) throw new ToolError('There is no such skill.');
    const command = textField(input, 'command', 1_000);
    const program = command.includes('/') ? script(folder, command) : await bin(shelf, skill, command);
    const given = input['input'] === undefined ? '' : textField(input, 'input', MAX_INPUT_CHARS);
    return runProgram([...program, ...argumentsOf(input)], { workspace, input: given, signal });
  },
});

function script(folder: string, path: string): string[] {
  if (!path.startsWith('scripts/')) throw new ToolError('Only files in the scripts folder of a skill can be run.');
  const file = inside(folder, path);
  const interpreter = INTERPRETERS[extname(file)];
  if (interpreter === undefined) {
    throw new ToolError(`Only scripts that end with ${Object.keys(INTERPRETERS).join(', ')} can be run.`);
  }
  return [interpreter, file];
}

async function bin(shelf: SkillShelf, skill: string, name: string): Promise<string[]> {
  const head = (await shelf.list()).find((one) => one.name === skill);
  if (!BIN.test(name) || !head?.bins.includes(name)) {
    throw new ToolError('The skill does not require a program of this name.');
  }
  return [name];
}

function argumentsOf(input: ToolInput): string[] {
  const args: unknown = input['args'] ?? [];
  const isArgument = (one: unknown): one is string =>
    typeof one === 'string' && one.length <= MAX_ARGUMENT_CHARS && !one.includes('\0');
  if (Array.isArray(args) && args.length <= MAX_ARGUMENTS && args.every(isArgument)) return args;
  throw new ToolError(`'args' must be at most ${MAX_ARGUMENTS} texts of ${MAX_ARGUMENT_CHARS} characters.`);
}

interface Running {
  readonly workspace: string;
  readonly input: string;
  readonly signal: AbortSignal;
}

/** Whatever it starts ends with it: it leads a group of processes of its own. */
async function runProgram([program = '', ...args]: readonly string[], running: Running): Promise<string> {
  const { workspace, input, signal } = running;
  signal.throwIfAborted();
  const child = spawn(program, args, { cwd: workspace, env: environment(workspace), detached: true });
  const end = (): void => endGroup(child.pid);
  signal.addEventListener('abort', end, { once: true });
  try {
    const [out, err] = [gathered(child.stdout), gathered(child.stderr)];
    child.stdin.on('error', () => undefined).end(input);
    const [code, killedBy] = (await once(child, 'exit')) as [number | null, string | null];
    end();
    signal.throwIfAborted();
    return report(code ?? killedBy ?? 'unknown', await out, await err);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new ToolError(`There is no program ${program} here.`);
    throw error;
  } finally {
    signal.removeEventListener('abort', end);
  }
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // nobody of it is left
  }
}

function environment(workspace: string): Record<string, string> {
  const passed = Object.entries(process.env).filter(([name]) => PASSED_ON.test(name)) as [string, string][];
  return { ...Object.fromEntries(passed), ...proxyVariables(), HOME: workspace };
}

async function gathered(stream: NodeJS.ReadableStream): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    const room = MAX_OUTPUT_BYTES - size;
    if (room > 0) parts.push(chunk.subarray(0, room));
    size += chunk.length;
  }
  const text = Buffer.concat(parts).toString('utf8');
  return size > MAX_OUTPUT_BYTES ? `${text}\n[cut: ${size - MAX_OUTPUT_BYTES} more bytes]` : text;
}

const report = (code: number | string, out: string, err: string): string =>
  [`exit: ${code}`, ...(out === '' ? [] : [`output:\n${out}`]), ...(err === '' ? [] : [`errors:\n${err}`])].join('\n');
