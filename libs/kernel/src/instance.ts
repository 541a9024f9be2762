/** Injection token of this process's id in the table `instances`: a new UUID at every start. */
export const INSTANCE_ID = Symbol.for('rookery.INSTANCE_ID');
