import { Module } from '@nestjs/common';
import { IdentityModule } from '#libs/identity';
import { ApiKeysController } from './auth/api-keys.controller.js';
import { AuthController } from './auth/auth.controller.js';

/** The agent402 surface: its controllers, over the domains it speaks for. */
@Module({ imports: [IdentityModule], controllers: [AuthController, ApiKeysController] })
export class Agent402Module {}
