import { Module } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { Egress } from './egress.js';

/** Needs ConfigModule. */
@Module({
  providers: [
    {
      provide: Egress,
      inject: [CONFIG],
      useFactory: (config: Config) => new Egress({ allowCidrs: config.security.egressAllowCidrs }),
    },
  ],
  exports: [Egress],
})
export class EgressModule {}
