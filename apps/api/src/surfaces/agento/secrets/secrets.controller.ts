import { Body, Inject, Param, Put } from '@nestjs/common';
import { AgentSecretsService } from '#libs/agents';
import type { Caller } from '#libs/kernel';
import { CallerOf } from '../../../http/caller-of.js';
import { AgentoController, AnswersData, Refuses } from '../agento.openapi.js';
import { ChangedSecretsDto, ChangeSecretsDto } from './secrets.dto.js';
import { toChangedSecrets, toChangeSecrets } from './secrets.mapper.js';

@AgentoController('Secrets', 'v1/agents/:id/secrets')
export class SecretsController {
  constructor(@Inject(AgentSecretsService) private readonly secrets: AgentSecretsService) {}

  /** Store, replace and delete secrets of an agent. They are kept encrypted and never shown. */
  @Put()
  @AnswersData(ChangedSecretsDto, 'The secrets were changed')
  @Refuses(400, 404, 413)
  async updateSecrets(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Body() body: ChangeSecretsDto,
  ): Promise<{ data: ChangedSecretsDto }> {
    return toChangedSecrets(await this.secrets.change(caller, id, toChangeSecrets(body)));
  }
}
