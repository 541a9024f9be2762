import { enableCompileCache } from 'node:module';

const cache = process.env['ROOKERY_COMPILE_CACHE'];
// Before anything else is loaded: only what is compiled after this call is cached. A folder that can't be used is no error.
if (cache) enableCompileCache(cache);

const { exitOn, startAgent } = await import('./agent.js');
await startAgent().catch(exitOn);
