/** A request the gateway refuses or a turn that fails; `message` is for the caller and holds no secret. */
export class GatewayError extends Error {
  constructor(
    /** HTTP status where the answer has not begun. */
    readonly status: number,
    /** Stable, snake_case. */
    readonly code: string,
    message: string,
    /** Further fields of the error body. */
    private readonly details: Readonly<Record<string, number>> = {},
  ) {
    super(message);
    this.name = 'GatewayError';
  }

  /** The error body of the gateway contract, in a response or in a stream frame. */
  toBody(): { error: { code: string; message: string } } {
    return { error: { code: this.code, message: this.message, ...this.details } };
  }
}
