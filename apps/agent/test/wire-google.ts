import type { Wire } from './provider-server.js';

interface Content {
  readonly role?: 'user' | 'model';
  readonly parts: readonly { readonly text: string }[];
}

interface Body {
  readonly contents: readonly Content[];
  readonly systemInstruction?: Content;
  readonly generationConfig?: { readonly temperature?: number; readonly maxOutputTokens?: number };
}

const frame = (body: object): string => `data: ${JSON.stringify({ ...body, modelVersion: 'm', responseId: 'r1' })}\n\n`;
const textOf = (content: Content | undefined): string => (content?.parts ?? []).map((part) => part.text).join('');
const candidate = (text: string, finishReason?: string): object => ({
  content: { role: 'model', parts: [{ text }] },
  index: 0,
  ...(finishReason ? { finishReason } : {}),
});

/** `POST /models/<model>:streamGenerateContent?alt=sse`: ai.google.dev/api/generate-content. */
export const googleWire: Wire = {
  read(path, headers, json) {
    const body = json as unknown as Body;
    const model = /^\/models\/([^/:]+):streamGenerateContent\?alt=sse$/.exec(path)?.[1];
    if (!model) throw new Error(`unknown path ${path}`);
    if (body.contents.length === 0) throw new Error('contents is not specified');
    return {
      key: String(headers['x-goog-api-key'] ?? ''),
      model,
      system: textOf(body.systemInstruction),
      messages: body.contents.map((content) => ({
        role: content.role === 'model' ? ('assistant' as const) : ('user' as const),
        text: textOf(content),
      })),
      temperature: body.generationConfig?.temperature,
      maxTokens: body.generationConfig?.maxOutputTokens,
    };
  },
  begin: () => '',
  text: (text) => frame({ candidates: [candidate(text)] }),
  end: (reason) =>
    frame({
      candidates: [candidate('', reason === 'stop' ? 'STOP' : 'MAX_TOKENS')],
      usageMetadata: { promptTokenCount: 7, candidatesTokenCount: 3, totalTokenCount: 10 },
    }),
  errorInStream: () => frame({ error: { code: 429, message: 'Quota exceeded', status: 'RESOURCE_EXHAUSTED' } }),
  errorBody: (status, message) => ({ error: { code: status, message, status: 'INVALID_ARGUMENT' } }),
};
