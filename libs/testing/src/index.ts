export * from './eventually.js';
export * from './servers.js';
export * from './test-cluster.js';
export * from './test-config.js';
export * from './test-database.js';
export * from './test-organisation.js';
export * from './tools.js';
export * from './mcp-server.js';
