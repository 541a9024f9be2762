export { type DemoModelOptions, handleDemoModel } from './demo-model.js';
