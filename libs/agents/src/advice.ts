import type { ErrorCategory } from './agent.js';

/** How a failure of each category goes on, and what its owner can do about it. */
export const CATEGORIES: Readonly<Record<ErrorCategory, { readonly retry: boolean; readonly advice: string }>> = {
  image_pull: {
    retry: true,
    advice: 'The image could not be fetched. Check its name and that the host reaches the registry; it is tried again.',
  },
  config: {
    retry: false,
    advice: 'The configuration is refused by the runtime. Correct the config named in the error, then start the agent.',
  },
  oom: {
    retry: true,
    advice: 'The agent ran out of memory. Raise AGENT_MEMORY_MB or give it less to keep in context, then restart it.',
  },
  auth: {
    retry: false,
    advice:
      'No key of the chosen LLM provider is stored. Store one for the agent, its swarm or the organisation, then start.',
  },
  crash_loop: {
    retry: false,
    advice:
      'The agent ended again and again soon after its start. Read its logs, correct config or skills, then start it.',
  },
  no_capacity: {
    retry: true,
    advice: 'The host has no room. Add a host or stop other agents; it is tried again.',
  },
  host_lost: {
    retry: true,
    advice:
      'The host of the agent does not answer and no other has room. Bring the host back or add one; the agent goes on by itself.',
  },
  provision_failed: {
    retry: true,
    advice:
      'The host could not bring the agent up. Check the container engine and the disk of the host; it is tried again.',
  },
  unknown: {
    retry: true,
    advice: 'The failure is not a known one. The error and the logs of the worker tell more; it is tried again.',
  },
};
