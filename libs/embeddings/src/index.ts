export * from './embedder.js';
export * from './embedders.js';
export * from './embeddings.module.js';
export { LOCAL_EMBEDDER, LocalEmbedder } from './local-embedder.js';
export { OpenAiEmbedder, openAiEmbedderId } from './openai-embedder.js';
