import { toolsFolder } from '#libs/containers';
import type { RegistryTool } from './registry-tool.js';
import type { HostReport, OrganisationTool } from './tool-install.js';

/** How a tool stands with an organisation. */
export interface ToolStanding {
  readonly tool: RegistryTool;
  /** Its agents find the program. */
  readonly isEligible: boolean;
  /** The organisation has installed it. */
  readonly isInstalled: boolean;
  /** A host can install it. */
  readonly isInstallable: boolean;
  /** Where agents find the program. */
  readonly binaryPath: string | null;
}

/** What is ready for one organisation, from what the hosts have reported and what it has installed. */
export class Readiness {
  private readonly installed: ReadonlyMap<string, OrganisationTool>;

  constructor(
    private readonly hosts: readonly HostReport[],
    tools: readonly OrganisationTool[],
  ) {
    this.installed = new Map(tools.map((tool) => [tool.name, tool]));
  }

  of(tool: RegistryTool): ToolStanding {
    const installed = this.installed.get(tool.name);
    const isThere = installed !== undefined && this.hosts.some(({ digests }) => digests.includes(installed.digest));
    const given = this.hosts.map(({ programs }) => programs[tool.bin]).find((path) => path !== undefined);
    const binaryPath = installed && isThere ? `${toolsFolder(installed.digest)}/bin/${tool.bin}` : (given ?? null);
    return {
      ...{ tool, binaryPath, isEligible: binaryPath !== null, isInstalled: isThere },
      isInstallable: this.builder(tool) !== undefined,
    };
  }

  /** A living host that can install the tool. */
  builder({ method }: RegistryTool): HostReport | undefined {
    return this.hosts.find(({ isAlive, methods }) => isAlive && methods.includes(method));
  }

  anyHost(): HostReport | undefined {
    return this.hosts.find(({ isAlive }) => isAlive);
  }

  /** Whether any living host runs agents in containers. */
  get inContainers(): boolean {
    return this.hosts.some(({ isAlive, runtime }) => isAlive && runtime !== 'process');
  }

  /** Which build of the tool the organisation has. */
  revisionOf(tool: RegistryTool): string | undefined {
    return this.installed.get(tool.name)?.request.revision;
  }
}
