import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { DomainError } from '#libs/kernel';
import type { ContainerSpec } from '../container-runtime.js';
import { type AgentProgram, programVersion, readableProgram } from './agent-program.js';
import { type OpenclawProgram, openclawPackage } from './openclaw-program.js';

/** What a process is started from. */
export interface HostProgram extends AgentProgram {
  /** Folder of OpenClaw's package, for its runtime. */
  readonly openclawPackage: string | undefined;
}

export interface BuiltInPrograms {
  readonly program: AgentProgram;
  /** Absent: agents of its runtime are refused. */
  readonly openclaw?: OpenclawProgram;
  readonly dataDir: string;
}

type Wanted = Pick<ContainerSpec, 'runtime' | 'image'>;

/**
 * The programs of this machine, as images of the process runtime: an absolute path is a folder with a built agent (for
 * OpenClaw: whose node_modules hold it), any other name what this version of Rookery brings.
 */
export class AgentImages {
  constructor(
    private readonly builtIn: BuiltInPrograms,
    private readonly foreignUsers: boolean,
  ) {}

  /** @throws DomainError code `image_pull` for a folder without a program, `config` when the built-in one can't be used. */
  program(wanted: Wanted = { runtime: 'house', image: '' }): HostProgram {
    const { program: house, openclaw, dataDir } = this.builtIn;
    const program = wanted.runtime === 'openclaw' && openclaw ? openclaw.bridge : houseProgram(house, wanted.image);
    const found = readableProgram(program, join(dataDir, 'runtime'), this.foreignUsers);
    return { ...found, openclawPackage: wanted.runtime === 'openclaw' ? this.openclaw(wanted.image) : undefined };
  }

  /** Tells programs apart that are started under one name. @throws as {@link program} */
  idOf(wanted: Wanted): string {
    const { openclawPackage: folder, ...program } = this.program(wanted);
    if (folder === undefined) return programVersion(program);
    const { size, mtimeMs } = statSync(join(folder, 'package.json'));
    const facts = [programVersion(program), folder, size, mtimeMs];
    return createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 16);
  }

  private openclaw(image: string): string {
    if (isAbsolute(image) && !existsSync(join(image, 'node_modules', 'openclaw', 'package.json'))) throw absent(image);
    return openclawPackage(isAbsolute(image) ? image : this.builtIn.openclaw?.dir, this.foreignUsers);
  }
}

function houseProgram(builtIn: AgentProgram, image: string): AgentProgram {
  if (!isAbsolute(image)) return builtIn;
  const main = join(image, 'main.js');
  if (!existsSync(main)) throw absent(image);
  return { node: builtIn.node, main };
}

const absent = (image: string): DomainError =>
  new DomainError('unavailable', 'image_pull', `There is no program for agents in the folder ${image} of this host`);
