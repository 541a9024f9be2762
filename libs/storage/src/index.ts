export { FolderStorage } from './folder/folder-storage.js';
export * from './object-storage.js';
export * from './storage.module.js';
