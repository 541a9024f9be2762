/** A file that can't be loaded, however often it is tried. `message` says why, to whom it belongs. */
export class Unreadable extends Error {
  constructor(
    readonly code: UnreadableCode,
    message: string,
  ) {
    super(message);
    this.name = 'Unreadable';
  }
}

export type UnreadableCode =
  'file_broken' | 'file_encrypted' | 'file_encoding' | 'file_without_text' | 'file_too_large' | 'file_too_complex';
