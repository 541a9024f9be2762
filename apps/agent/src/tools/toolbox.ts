import type { DoorClient } from '../door/door-client.js';
import { memorySection, memoryTools } from '../memory/memory-tools.js';
import { PeerMemory } from '../memory/peer-memory.js';
import { rulesSection, ruleTool } from '../rules.js';
import { SkillShelf } from '../skills/skill-shelf.js';
import { skillCommandTool } from '../skills/skill-command.js';
import { skillsSection, skillTool } from '../skills/skill-tool.js';
import type { McpTools } from '../mcp/mcp-tools.js';
import type { AgentTool } from './agent-tool.js';

/** Who a turn is for. */
export interface TurnOwner {
  /** Empty for a caller without a peer. */
  readonly peer: string;
  readonly session: string | undefined;
}

/** What one turn has to work with. */
export interface Equipment {
  readonly tools: readonly AgentTool[];
  /** Parts of the system prompt; empty ones say nothing. */
  readonly sections: readonly string[];
}

/** Lays out rules, skills, memory and the door's tools anew for every turn, so that a change acts on the next one. */
export class Toolbox {
  private readonly shelf: SkillShelf;

  constructor(
    private readonly workspace: string,
    private readonly door: DoorClient,
    private readonly mcp: McpTools,
    private readonly runtime: 'process' | 'docker',
  ) {
    this.shelf = new SkillShelf(workspace);
  }

  /** Every tool is bound to the turn's owner: no input of the model can name another peer. */
  async equip({ peer, session }: TurnOwner, signal: AbortSignal): Promise<Equipment> {
    const memory = new PeerMemory(this.workspace, peer);
    const context = {
      ...(peer === '' ? {} : { peerId: peer }),
      ...(session === undefined ? {} : { sessionId: session }),
    };
    const [skills, doorTools, mcp] = await Promise.all([
      this.shelf.list(),
      this.door.tools(context),
      this.mcp.equip(signal),
    ]);
    const rules = rulesSection(this.workspace);
    const own = [
      ...(rules === '' ? [] : [ruleTool(this.workspace)]),
      ...(skills.length === 0 ? [] : this.skillTools(peer)),
      ...memoryTools(memory),
    ];
    return {
      tools: withoutDoubles([...own, ...doorTools, ...mcp.tools]),
      sections: [rules, skillsSection(skills), memorySection(memory), mcp.section],
    };
  }

  /** Programs of skills see the whole workspace: not for peers, and only where a container is around it. */
  private skillTools(peer: string): AgentTool[] {
    const mayRun = this.runtime === 'docker' && peer === '';
    return [skillTool(this.shelf), ...(mayRun ? [skillCommandTool(this.shelf, this.workspace)] : [])];
  }
}

/** The first of a name stays: what comes from outside can't take the place of a tool of ours. */
function withoutDoubles(tools: readonly AgentTool[]): AgentTool[] {
  const byName = new Map<string, AgentTool>();
  for (const tool of tools) if (!byName.has(tool.name)) byName.set(tool.name, tool);
  return [...byName.values()];
}
