export * from '../../../testing/fleet.js';
