import type { Wire } from './provider-server.js';

interface Content {
  readonly role?: 'user' | 'model';
  readonly parts: readonly Part[];
}

interface Part {
  readonly text?: string;
  readonly functionCall?: { readonly name: string };
  readonly functionResponse?: { readonly name: string; readonly response: object };
}

interface Body {
  readonly contents: readonly Content[];
  readonly systemInstruction?: Content;
  readonly tools?: readonly { readonly functionDeclarations?: readonly { readonly name: string }[] }[];
  readonly toolConfig?: { readonly functionCallingConfig?: { readonly mode?: string } };
  readonly generationConfig?: { readonly temperature?: number; readonly maxOutputTokens?: number };
}

const frame = (body: object): string => `data: ${JSON.stringify({ ...body, modelVersion: 'm', responseId: 'r1' })}\n\n`;
const textOf = (content: Content | undefined): string => (content?.parts ?? []).map((part) => part.text ?? '').join('');
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
    checkCalls(body.contents);
    const said = body.contents.filter(({ parts }) => parts.some((part) => part.text !== undefined));
    const declared = (body.tools ?? []).flatMap((tool) => tool.functionDeclarations ?? []);
    return {
      key: String(headers['x-goog-api-key'] ?? ''),
      model,
      system: textOf(body.systemInstruction),
      messages: said.map((content) => ({
        role: content.role === 'model' ? ('assistant' as const) : ('user' as const),
        text: textOf(content),
      })),
      temperature: body.generationConfig?.temperature,
      maxTokens: body.generationConfig?.maxOutputTokens,
      tools: body.toolConfig?.functionCallingConfig?.mode === 'NONE' ? [] : declared.map(({ name }) => name),
      results: body.contents.flatMap(({ parts }) =>
        parts.flatMap(({ functionResponse }) => (functionResponse ? [JSON.stringify(functionResponse.response)] : [])),
      ),
    };
  },
  begin: () => '',
  text: (text) => frame({ candidates: [candidate(text)] }),
  calls: (calls) =>
    frame({
      candidates: [
        {
          content: { role: 'model', parts: calls.map(({ name, input }) => ({ functionCall: { name, args: input } })) },
          index: 0,
          finishReason: 'STOP',
        },
      ],
      usageMetadata: { promptTokenCount: 7, candidatesTokenCount: 3, totalTokenCount: 10 },
    }),
  end: (reason) =>
    frame({
      candidates: [candidate('', reason === 'stop' ? 'STOP' : 'MAX_TOKENS')],
      usageMetadata: { promptTokenCount: 7, candidatesTokenCount: 3, totalTokenCount: 10 },
    }),
  errorInStream: () => frame({ error: { code: 429, message: 'Quota exceeded', status: 'RESOURCE_EXHAUSTED' } }),
  errorBody: (status, message) => ({ error: { code: status, message, status: 'INVALID_ARGUMENT' } }),
};

/** The number of function responses has to equal that of the calls before. */
function checkCalls(contents: readonly Content[]): void {
  contents.forEach(({ parts }, index) => {
    const calls = parts.filter((part) => part.functionCall).length;
    const responses = contents[index + 1]?.parts.filter((part) => part.functionResponse).length ?? 0;
    if (calls !== responses) throw new Error('function response parts must equal function call parts');
  });
}
