/**
 * Stands in for `@ai-sdk/gateway` in the bundle (scripts/build-agent.mjs). The SDK turns to that hosted service for models
 * given by name; an agent only ever passes model objects that speak to its broker.
 */
export class GatewayError extends Error {
  static isInstance(error: unknown): error is GatewayError {
    return error instanceof GatewayError;
  }
}

export class GatewayAuthenticationError extends GatewayError {}

export function createGateway(): never {
  throw new GatewayError('Models are reached through the broker only.');
}

export const gateway = createGateway;
