import { Transform } from 'class-transformer';
import { IsEmail, IsNotEmpty, IsString, MaxLength } from 'class-validator';
import { StrongPassword } from './strong-password.js';

export class ForgotPasswordDto {
  @Transform(({ value }: { value: unknown }): unknown => (typeof value === 'string' ? value.trim() : value))
  @IsEmail()
  @MaxLength(254)
  email!: string;
}

export class SetPasswordDto {
  /** From the mailed link, or from the answer to an accepted invite. */
  @IsString()
  @IsNotEmpty()
  @MaxLength(2048)
  token!: string;

  @IsString()
  @StrongPassword()
  password!: string;
}
