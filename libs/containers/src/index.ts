export * from './agent-tools.js';
export * from './agent-workspaces.js';
export * from './container-runtime.js';
export * from './containers.module.js';
export { toolsFolder } from './docker/naming.js';
export { FakeHost, FakeRuntime } from './fake/fake-runtime.js';
export { KeyedMutex } from './keyed-mutex.js';
export { MEMORY, NOT_OWN, ownFiles } from './workspace/own-files.js';
