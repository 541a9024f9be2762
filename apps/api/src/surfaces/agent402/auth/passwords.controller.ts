import { Body, Controller, HttpCode, Inject, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { PasswordResetService } from '#libs/identity';
import { ClientAddress } from '../../../http/caller-of.js';
import { Refuses } from '../agent402.openapi.js';
import { OutcomeDto } from './auth.dto.js';
import { passwordChanged, passwordLinkSent } from './auth.mapper.js';
import { ForgotPasswordDto, SetPasswordDto } from './passwords.dto.js';

@ApiTags('Authentication')
@Controller('api/v1/auth')
export class PasswordsController {
  constructor(@Inject(PasswordResetService) private readonly reset: PasswordResetService) {}

  /** Mail a link that sets a new password. The answer is the same for an address without an account. */
  @Post('forgot-password')
  @HttpCode(200)
  @Refuses(422, 429, 500, 503)
  async forgotPassword(@Body() { email }: ForgotPasswordDto): Promise<OutcomeDto> {
    return this.reset.request(email).then(passwordLinkSent);
  }

  /** Set a password by the token of such a link, or of an accepted invite. All sessions of the user end. */
  @Post('set-password')
  @HttpCode(200)
  @Refuses(400, 422, 429, 500, 503)
  async setPassword(
    @Body() { token, password }: SetPasswordDto,
    @ClientAddress() address: string,
  ): Promise<OutcomeDto> {
    return this.reset.set(token, password, address).then(passwordChanged);
  }
}
