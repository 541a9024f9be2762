import { IsNotEmpty, IsOptional, IsString, MaxLength } from 'class-validator';

export class OidcDto {
  /** Whether this installation has an OpenID Connect provider. */
  enabled!: boolean;
  /** Where to send the browser; null without one. */
  login_url!: string | null;
}

export class OidcLoginQuery {
  /** Page that the browser returns to with `?code=` or `?error=`; of this API's origin or one of CORS_ORIGINS. */
  @IsOptional()
  @IsString()
  @MaxLength(2048)
  return_to?: string;

  /** Joins the workspace of an invite for the address that the provider vouches for. */
  @IsOptional()
  @IsString()
  @MaxLength(2048)
  invite_token?: string;
}

export class OidcTokenDto {
  /** The code of the page's address, good once within a minute. */
  @IsString()
  @IsNotEmpty()
  @MaxLength(128)
  code!: string;
}
