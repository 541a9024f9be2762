import type { UserRow } from './account.repository.js';

/** A signed-in user as the surfaces show it. */
export interface Account {
  readonly userId: string;
  readonly orgId: string;
  readonly email: string;
  readonly fullName: string;
  readonly isActive: boolean;
  readonly createdAt: Date;
}

/** The account of a user in one organisation. */
export const accountOf = (user: UserRow, orgId: string): Account => ({
  userId: user.id,
  orgId,
  email: user.email,
  fullName: user.fullName,
  isActive: user.isActive,
  createdAt: user.createdAt,
});
