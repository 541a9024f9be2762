import { resolve } from 'node:path';
import { PROGRAMS, programEnvironment, showProgram } from '../lib/programs.mjs';
import { withDatabase } from '../lib/with-database.mjs';

/** Copies the installation, running or not, into a folder: the one named, or one of DATA_DIR/backups called by the time. */
export const run = ([folder]) =>
  withDatabase(({ node, ...at }) => {
    const name = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
    const target = folder ? resolve(folder) : resolve(at.dir, 'backups', name);
    return showProgram(node, PROGRAMS.backup, [target], programEnvironment(at));
  });
