import { describe, expect, it } from '@jest/globals';
import { StepTexts } from './step-texts.js';

function join(...steps: readonly string[][]): string {
  const texts = new StepTexts();
  return steps
    .map((step) => {
      const said = step.map((text) => texts.next(text)).join('');
      texts.endStep();
      return said;
    })
    .join('');
}

describe('the texts of steps', () => {
  it('are set apart from each other, and only from each other', () => {
    expect(join(['Let me', ' look.'], [], ['It', ' rains.'])).toBe('Let me look.\n\nIt rains.');
    expect(join([], ['Hello'])).toBe('Hello');
  });

  it('keep the break that is there already', () => {
    expect(join(['Look:\n'], ['done'])).toBe('Look:\ndone');
    expect(join(['Look:'], ['\n- done'])).toBe('Look:\n- done');
  });
});
