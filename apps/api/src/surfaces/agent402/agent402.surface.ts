import type { Surface } from '../surface.js';
import { encodeAgent402Error } from './agent402.errors.js';
import { Agent402Module } from './agent402.module.js';

export const agent402Surface: Surface = {
  name: 'agent402',
  prefix: '/api/v1',
  title: 'Rookery: agent402',
  description: 'Accounts, teams, agents, swarms, conversations, keys and health.',
  module: Agent402Module,
  errorSchema: {
    type: 'object',
    required: ['detail'],
    properties: {
      detail: {
        oneOf: [
          { type: 'string' },
          {
            type: 'array',
            items: {
              type: 'object',
              required: ['loc', 'msg', 'type'],
              properties: {
                loc: { type: 'array', items: { oneOf: [{ type: 'string' }, { type: 'integer' }] } },
                msg: { type: 'string' },
                type: { type: 'string' },
              },
            },
          },
        ],
      },
      request_id: { type: 'string' },
    },
  },
  encodeError: encodeAgent402Error,
};
