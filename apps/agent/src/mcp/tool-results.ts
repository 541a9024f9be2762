import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { ToolError } from '../tools/agent-tool.js';

/** Characters after which nothing more is put together; the model sees fewer. */
const ENOUGH = 100_000;

type Block = CallToolResult['content'][number];

/** What the model reads of a result: its texts, and a line for each thing that is none. @throws ToolError for a failure. */
export function resultText({ content, structuredContent, isError }: CallToolResult): string {
  const parts: string[] = [];
  let size = 0;
  for (const block of content) {
    if (size > ENOUGH) break;
    const text = blockText(block);
    size += text.length;
    parts.push(text);
  }
  const whole = parts.length > 0 ? parts.join('\n') : structuredContent ? JSON.stringify(structuredContent) : '';
  if (isError === true) throw new ToolError(whole === '' ? 'The tool failed and did not say why.' : whole);
  return whole === '' ? '(no output)' : whole;
}

function blockText(block: Block): string {
  switch (block.type) {
    case 'text':
      return block.text;
    case 'image':
    case 'audio':
      return `[${block.type} of type ${block.mimeType}, not shown]`;
    case 'resource_link':
      return `[resource ${block.name}: ${block.uri}]`;
    case 'resource':
      return 'text' in block.resource ? block.resource.text : `[resource ${block.resource.uri}, not shown]`;
  }
}
