import { PROGRAMS, programEnvironment, showProgram } from '../lib/programs.mjs';
import { withDatabase } from '../lib/with-database.mjs';

/** Deletes an organisation for good, after asking at the terminal. @returns the program's exit code */
export const run = (args) =>
  withDatabase(({ node, ...at }) => showProgram(node, PROGRAMS.organisationDelete, args, programEnvironment(at)));
