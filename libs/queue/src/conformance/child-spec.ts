import 'reflect-metadata';
import { loadConfig } from '#libs/config';
import { openFixture } from './fixture-spec.js';

/** A worker in a process of its own, so that a test can kill it. */
void openFixture(loadConfig(), {}).then(() => process.send?.('ready'));
