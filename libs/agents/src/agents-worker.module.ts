import { Module } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { Logger } from '#libs/observability';
import { SecretsModule } from '#libs/secrets';
import { AgentJournal } from './agent-journal.js';
import { HostSession } from './hosts/host-session.js';
import { HostsRepository } from './hosts/hosts.repository.js';
import { LogPartitions } from './logs/log-partitions.js';
import { LogShipper } from './logs/log-shipper.js';
import { LogStore } from './logs/log-store.js';
import { LogWriter } from './logs/log-writer.js';
import { AgentClaims } from './reconciler/agent-claims.js';
import { AgentMoves } from './reconciler/agent-moves.js';
import { AgentProgress } from './reconciler/agent-progress.js';
import { AgentRenewal } from './reconciler/agent-renewal.js';
import { AgentSpecs } from './reconciler/agent-spec.js';
import { AgentWatcher } from './reconciler/agent-watcher.js';
import { HostAgents, HostServices } from './reconciler/host-agents.js';
import { AgentReconciler } from './reconciler/reconciler.js';
import { WorkspaceSources } from './reconciler/workspace-sources.js';
import { InstanceRemains } from './reconciler/instance-remains.js';
import { WatchRepository } from './reconciler/watch.repository.js';
import { StoredDeletions } from './workspace/stored-deletions.js';
import { WorkspaceRestore } from './workspace/workspace-restore.js';
import { WorkspaceReports, WorkspaceSync } from './workspace/workspace-sync.js';
import { WorkspacesRepository } from './workspace/workspaces.repository.js';

/**
 * What the worker of a host does with its agents. Takes the host's lock when it is built, so that nothing of it exists
 * in a second worker. The process must provide config, database, events, logger, queue, container runtime and storage.
 */
@Module({
  imports: [SecretsModule],
  providers: [
    AgentClaims,
    AgentJournal,
    AgentMoves,
    AgentProgress,
    AgentRenewal,
    AgentReconciler,
    AgentSpecs,
    AgentWatcher,
    HostAgents,
    HostServices,
    HostsRepository,
    InstanceRemains,
    LogPartitions,
    LogShipper,
    LogStore,
    LogWriter,
    StoredDeletions,
    WatchRepository,
    WorkspaceSources,
    WorkspaceReports,
    WorkspaceRestore,
    WorkspaceSync,
    WorkspacesRepository,
    {
      provide: HostSession,
      inject: [CONFIG, HostsRepository, Logger],
      useFactory: (config: Config, hosts: HostsRepository, logger: Logger) => HostSession.open(config, hosts, logger),
    },
  ],
  exports: [
    AgentReconciler,
    AgentWatcher,
    HostAgents,
    HostSession,
    LogPartitions,
    WorkspaceSources,
    StoredDeletions,
    WorkspaceSync,
  ],
})
export class AgentsWorkerModule {}
