import { Init1795370400000 } from './202611220001-init.js';
import { FileVersions1795374600000 } from './202611220002-file-versions.js';
import { LeanChatKeys1795377600000 } from './202611220003-lean-chat-keys.js';
import { Workspaces1795394400000 } from './202611220004-workspaces.js';
import { Usage1795398000000 } from './202611220005-usage.js';
import { ServesPeers1795401600000 } from './202611220006-serves-peers.js';
import { Knowledge1795405200000 } from './202611220007-knowledge.js';
import { Tasks1795408800000 } from './202611220008-tasks.js';
import { SwarmMembers1795412400000 } from './202611220009-swarm-members.js';
import { Skills1795419600000 } from './202611220011-skills.js';
import { AgentEgress1795423200000 } from './202611220012-agent-egress.js';
import { SkillScans1795426800000 } from './202611220013-skill-scans.js';
import { KnowledgeFiles1795740000000 } from './202611270040-knowledge-files.js';
import { OrganisationDeletion1795745000000 } from './202611270010-organisation-deletion.js';
import { SkillRequirements1795752000000 } from './202611270030-skill-requirements.js';
import { AgentPauses1795762800000 } from './202611270050-agent-pauses.js';
import { Audit1795768800000 } from './202611270060-audit.js';
import { AuditAnchors1795769400000 } from './202611270061-audit-anchors.js';
import { CapabilityTokens1795770000000 } from './202611270062-capability-tokens.js';
import { Conversations1795776000000 } from './202611270080-conversations.js';
import { SwarmRuns1795780000000 } from './202611270090-swarm-runs.js';
import { Team1795804800000 } from './202611270070-team.js';
import { SkillInstalls1795809600000 } from './202611270100-skill-installs.js';
import { Heartbeats1795830000000 } from './202611270130-heartbeats.js';
import { KnowledgeWords1795840000000 } from './202611270120-knowledge-words.js';
import { ServiceKeys1795850000000 } from './202611270131-service-keys.js';
import { AgentTemplates1795851000000 } from './202611270132-agent-templates.js';
import { Alerts1795852000000 } from './202611270133-alerts.js';
import { SkillRescans1795860000000 } from './202611270101-skill-rescans.js';
import { Oidc1795900000000 } from './202611270160-oidc.js';
import { Tools1796000000000 } from './202611280100-tools.js';
import { SignInNetworks1796100000000 } from './202611280150-sign-in-networks.js';
import { RunningRuns1796101000000 } from './202611280151-running-runs.js';
import { AgentMoves1796200000000 } from './202611280200-agent-moves.js';
import { SessionSearch1796250000000 } from './202611280250-session-search.js';
import { AgentImages1796410000000 } from './202611280400-agent-images.js';
import { AgentRenewals1796420000000 } from './202611280410-agent-renewals.js';
import { RestoreDrills1796430000000 } from './202611280420-restore-drills.js';

/** Every migration, oldest first. Append only: a shipped migration is never edited. */
export const migrations = [
  Init1795370400000,
  FileVersions1795374600000,
  LeanChatKeys1795377600000,
  Workspaces1795394400000,
  Usage1795398000000,
  ServesPeers1795401600000,
  Knowledge1795405200000,
  Tasks1795408800000,
  SwarmMembers1795412400000,
  Skills1795419600000,
  AgentEgress1795423200000,
  SkillScans1795426800000,
  KnowledgeFiles1795740000000,
  OrganisationDeletion1795745000000,
  SkillRequirements1795752000000,
  AgentPauses1795762800000,
  Audit1795768800000,
  AuditAnchors1795769400000,
  CapabilityTokens1795770000000,
  Conversations1795776000000,
  SwarmRuns1795780000000,
  Team1795804800000,
  SkillInstalls1795809600000,
  Heartbeats1795830000000,
  KnowledgeWords1795840000000,
  ServiceKeys1795850000000,
  AgentTemplates1795851000000,
  Alerts1795852000000,
  SkillRescans1795860000000,
  Oidc1795900000000,
  Tools1796000000000,
  SignInNetworks1796100000000,
  RunningRuns1796101000000,
  AgentMoves1796200000000,
  SessionSearch1796250000000,
  AgentImages1796410000000,
  AgentRenewals1796420000000,
  RestoreDrills1796430000000,
];
