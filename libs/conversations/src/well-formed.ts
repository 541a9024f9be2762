/** Text Postgres can hold with the same number of UTF-16 units: no NUL, no lone surrogate. */
export const wellFormed = (text: string): string => text.replace(/[\0\p{Surrogate}]/gu, '\uFFFD');

/** Joins pieces of a stream so that no piece ends inside a surrogate pair. */
export class SurrogateJoiner {
  private held = '';

  /** The part of what was fed so far that may go out. */
  feed(text: string): string {
    const whole = this.held + text;
    const last = whole.charCodeAt(whole.length - 1);
    const cut = last >= 0xd800 && last <= 0xdbff ? whole.length - 1 : whole.length;
    this.held = whole.slice(cut);
    return wellFormed(whole.slice(0, cut));
  }

  /** What is left at the end. */
  rest(): string {
    const rest = wellFormed(this.held);
    this.held = '';
    return rest;
  }
}
