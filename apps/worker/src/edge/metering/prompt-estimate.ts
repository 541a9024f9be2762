import { isObject } from './json.js';

/** Fewer bytes than tokenizers put into a token of prose, code or JSON: the estimate is to be too long, not too short. */
const BYTES_A_TOKEN = 3;
/** What providers add around a conversation. */
const FRAME_TOKENS = 16;
const IMAGE_TOKENS = 2_000;
const FILE_CHARS_A_TOKEN = 20;
/** Members in which providers take files as base64. */
const FILE_MEMBERS: ReadonlySet<string> = new Set(['data', 'url', 'image_url', 'file_data']);
const SHORTEST_FILE = 1_024;
const DEEPEST = 64;

interface Files {
  chars: number;
  tokens: number;
}

/** About how many tokens the prompt of a request has, on the long side. Files count by kind, not by size of their text. */
export function estimatePromptTokens(request: unknown, bytes: number): number {
  const files: Files = { chars: 0, tokens: 0 };
  findFiles(request, files, 0);
  return Math.ceil(Math.max(0, bytes - files.chars) / BYTES_A_TOKEN) + FRAME_TOKENS + files.tokens;
}

function findFiles(value: unknown, files: Files, depth: number): void {
  if (depth > DEEPEST) return;
  if (Array.isArray(value)) for (const member of value) findFiles(member, files, depth + 1);
  if (!isObject(value)) return;
  for (const [name, member] of Object.entries(value)) {
    if (typeof member !== 'string') findFiles(member, files, depth + 1);
    else if (FILE_MEMBERS.has(name) && member.length >= SHORTEST_FILE) countFile(member, kindOf(value, member), files);
  }
}

function countFile(text: string, kind: string, files: Files): void {
  files.chars += text.length;
  files.tokens += kind.startsWith('image/') ? IMAGE_TOKENS : Math.max(IMAGE_TOKENS, text.length / FILE_CHARS_A_TOKEN);
  files.tokens = Math.ceil(files.tokens);
}

function kindOf(holder: Readonly<Record<string, unknown>>, text: string): string {
  const stated = holder.media_type ?? holder.mimeType ?? holder.mime_type;
  return typeof stated === 'string' ? stated : (/^data:([a-z]+\/[\w.+-]+)[;,]/.exec(text)?.[1] ?? '');
}
