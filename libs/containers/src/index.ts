export * from './container-runtime.js';
export * from './containers.module.js';
export { FakeHost, FakeRuntime } from './fake/fake-runtime.js';
