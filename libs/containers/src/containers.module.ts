import { type DynamicModule, Global, Module } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { Logger } from '#libs/observability';
import { CONTAINER_RUNTIME, type ContainerRuntime } from './container-runtime.js';
import { FakeRuntime } from './fake/fake-runtime.js';
import { findBridge, findBundle } from './process/agent-program.js';
import { ProcessRuntime } from './process/process-runtime.js';

/** Provides the host's {@link ContainerRuntime}, chosen by `RUNTIME`. Its timers end with the application. */
@Global()
@Module({})
export class ContainersModule {
  static forRoot(): DynamicModule {
    return {
      module: ContainersModule,
      providers: [{ provide: CONTAINER_RUNTIME, inject: [CONFIG, Logger], useFactory: makeRuntime }],
      exports: [CONTAINER_RUNTIME],
    };
  }
}

/** The Docker client is loaded only where it is used: it costs each process some 15 MB. */
async function makeRuntime(config: Config, logger: Logger): Promise<ContainerRuntime> {
  if (config.runtime === 'fake') return new FakeRuntime();
  if (config.runtime === 'docker') {
    const [{ default: Docker }, { DockerRuntime }] = await Promise.all([
      import('dockerode'),
      import('./docker/docker-runtime.js'),
    ]);
    return new DockerRuntime(new Docker(), config, (error) =>
      logger.error('The edge does not run; it is tried again', { error }),
    );
  }
  return new ProcessRuntime({
    dataDir: config.dataDir,
    agentDoorUrl: `http://127.0.0.1:${config.edge.agentPort}`,
    program: { node: process.execPath, main: findBundle() },
    openclaw: { bridge: { node: process.execPath, main: findBridge() }, dir: config.openclaw.dir },
  });
}
