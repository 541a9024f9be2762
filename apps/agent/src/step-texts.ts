/** Joins the texts that a model writes between its tool calls into one reply. */
export class StepTexts {
  private last = '';
  private isNewStep = false;

  /** @returns what the reader is sent for this text */
  next(text: string): string {
    const needsBreak = this.isNewStep && this.last !== '' && !this.last.endsWith('\n') && !text.startsWith('\n');
    this.isNewStep = false;
    this.last = text;
    return needsBreak ? `\n\n${text}` : text;
  }

  endStep(): void {
    this.isNewStep = true;
  }
}
