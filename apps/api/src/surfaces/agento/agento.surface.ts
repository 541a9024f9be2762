import type { Surface } from '../surface.js';
import { encodeAgentoError } from './agento.errors.js';
import { AgentoModule } from './agento.module.js';

export const agentoSurface: Surface = {
  name: 'agento',
  prefix: '/v1',
  title: 'Rookery: agents',
  description:
    'Manage agents, send chat messages and stream logs from any language. Every request carries an API key in the ' +
    'header `X-Api-Key`; a login session works too (`Authorization: Bearer`).',
  module: AgentoModule,
  errorSchema: {
    type: 'object',
    required: ['error'],
    properties: {
      error: {
        type: 'object',
        required: ['code', 'message'],
        properties: { code: { type: 'string' }, message: { type: 'string' } },
      },
    },
  },
  encodeError: encodeAgentoError,
};
