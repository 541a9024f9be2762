/** Injection token of the surfaces this process serves. */
export const SURFACES_TOKEN = Symbol('SURFACES');

/** Injection token of the policy table. */
export const POLICY_TABLE_TOKEN = Symbol('POLICY_TABLE');
