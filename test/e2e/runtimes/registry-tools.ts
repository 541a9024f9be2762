import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { text } from 'node:stream/consumers';
import Docker from 'dockerode';
import { type PackageRegistries, eventually } from '#libs/testing';
import type { AgentoClient, WireAgent } from '../client.js';

/** Under which containers reach the machine they run on. */
const MACHINE = 'host.docker.internal';
const PROGRAM = '#!/usr/bin/env node\nconsole.log(process.argv.slice(2).join("-"));\n';

/** The way of a tool from the request of an admin into the container of an agent, with a registry of ours. */
export function registryTools(
  at: () => { readonly client: AgentoClient; readonly registries: PackageRegistries },
  host: string,
): void {
  describe('tools of the registry', () => {
    const docker = new Docker();
    let agent: WireAgent;

    beforeAll(async () => {
      const { client, registries } = at();
      await removeToolsOf(docker, host);
      const files = { 'svgo.js': PROGRAM };
      await registries.addNpm(MACHINE, { name: 'svgo', version: '1.0.0', bin: { svgo: 'svgo.js' }, files });
      agent = await client.createDemoAgent('Tooled');
      await runs();
    }, 120_000);
    afterAll(() => at().client.call('DELETE', `/v1/agents/${agent.id}`));

    const call = async <T>(method: string, path: string, body?: object): Promise<T> => {
      const answer = await at().client.call<T>(method, `/api/v1${path}`, body);
      expect([answer.status < 300, answer.body]).toEqual([true, answer.body]);
      return answer.body;
    };
    const runs = (): Promise<boolean> =>
      eventually(async () => (await at().client.agent(agent.id)).status === 'running', { timeoutMs: 60_000 });
    const run = async (...Cmd: string[]): Promise<string> => {
      const container = docker.getContainer(`rookery-agent-${agent.id}`);
      const exec = await container.exec({ Cmd, AttachStdout: true, AttachStderr: true, Tty: true });
      return (await text(await exec.start({ Tty: true }))).trim();
    };

    it('are installed, attached and run by the next instance', async () => {
      // what the host can do is written down within half a minute of its start
      await eventually(
        async () => (await call<{ installable: boolean }>('GET', '/skills/svgo/install-info')).installable,
        { timeoutMs: 90_000, intervalMs: 500 },
      );
      const installed = await call<{ success: boolean; logs: string[] }>('POST', '/skills/svgo/install', {});
      expect(installed).toMatchObject({ success: true, logs: expect.arrayContaining(['npm: svgo']) });
      expect(await call('GET', '/skills/svgo/installation-status')).toMatchObject({ is_installed: true });
      await call('POST', `/agents/${agent.id}/skills`, { skill_name: 'svgo' });
      await at().client.data('POST', `/v1/agents/${agent.id}/restart`);
      await eventually(async () => (await run('svgo', 'a', 'b')) === 'a-b', { timeoutMs: 60_000, intervalMs: 500 });
      expect(await run('cat', '/workspace/skills/svgo/SKILL.md')).toContain('bins: [svgo]');
    }, 240_000);

    it('are 500 when the registry has none, and leave nothing', async () => {
      const { status, body } = await at().client.call('POST', '/api/v1/skills/terser/install', {});
      expect([status, body]).toMatchObject([500, { detail: expect.stringContaining('npm ended with exit code') }]);
      expect(await call('GET', '/skills/terser/installation-status')).toMatchObject({ is_installed: false });
    }, 120_000);
  });
}

/** What a run before this one left on the machine would be used instead of being installed. */
async function removeToolsOf(docker: Docker, host: string): Promise<void> {
  const filters = { label: [`dev.rookery.host=${host}`, 'dev.rookery.tools'] };
  const { Volumes } = await docker.listVolumes({ filters });
  for (const { Name } of Volumes ?? []) await docker.getVolume(Name).remove();
}
