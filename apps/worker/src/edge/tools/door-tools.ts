import { Inject, Injectable } from '@nestjs/common';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { DomainError, type FieldIssue, invalid, notFound } from '#libs/kernel';
import type { DoorTool, InputSchema, ToolCall } from './door-tool.js';
import { KnowledgeTools } from './knowledge-tools.js';
import { TaskTools } from './task-tools.js';

/** Something that brings tools to the door. */
export interface ToolSource {
  readonly tools: readonly DoorTool[];
}

/** A tool as an agent is told about it. */
export interface OfferedTool {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: InputSchema & { readonly additionalProperties: false };
}

interface Entry {
  readonly tool: DoorTool;
  readonly offered: OfferedTool;
  readonly check: ValidateFunction;
}

const MOST_ISSUES = 10;
const MOST_OUTPUT_BYTES = 256 * 1024;

/** Every tool behind the agent door, by name. A new one is added to a {@link ToolSource}. */
@Injectable()
export class DoorTools {
  private readonly entries = new Map<string, Entry>();

  constructor(@Inject(KnowledgeTools) knowledge: KnowledgeTools, @Inject(TaskTools) tasks: TaskTools) {
    const ajv = new Ajv({ allErrors: true, removeAdditional: true, strict: true });
    for (const tool of [knowledge, tasks].flatMap((source: ToolSource) => source.tools)) {
      if (this.entries.has(tool.name)) throw new Error(`Two door tools are called ${tool.name}`);
      const { name, description } = tool;
      const inputSchema = { ...tool.inputSchema, additionalProperties: false as const };
      this.entries.set(name, { tool, offered: { name, description, inputSchema }, check: ajv.compile(inputSchema) });
    }
  }

  offered(): readonly OfferedTool[] {
    return [...this.entries.values()].map(({ offered }) => offered);
  }

  has(name: string): boolean {
    return this.entries.has(name);
  }

  /** @throws DomainError `not_found`, `validation` for input its schema refuses, and what the tool throws. */
  async run(name: string, call: ToolCall<unknown>): Promise<unknown> {
    const entry = this.entries.get(name);
    if (!entry) throw notFound('Tool');
    const input = structuredClone(call.input);
    if (!entry.check(input)) throw wrongInput(entry.check.errors ?? []);
    const output = (await entry.tool.run({ ...call, input })) ?? null;
    if (Buffer.byteLength(JSON.stringify(output)) <= MOST_OUTPUT_BYTES) return output;
    throw new DomainError('payload_too_large', 'output_too_large', 'The answer of the tool is too large; ask for less');
  }
}

function wrongInput(errors: readonly ErrorObject[]): DomainError {
  const issues = errors.slice(0, MOST_ISSUES).map(issueOf);
  return invalid(`The input is wrong: ${issues.map(({ message }) => message).join('; ')}`, issues);
}

function issueOf({ instancePath, keyword, message = 'is wrong', params }: ErrorObject): FieldIssue {
  const path = instancePath.split('/').filter((part) => part !== '');
  const allowed = keyword === 'enum' ? `: ${(params as { allowedValues: unknown[] }).allowedValues.join(', ')}` : '';
  return { path: ['input', ...path], message: `${['input', ...path].join('.')} ${message}${allowed}`, type: keyword };
}
