import { describe, expect, it } from '@jest/globals';
import { countTokens, type DemoMessage, planReply } from './script.js';

const user = (text: string): DemoMessage => ({ role: 'user', text });
const system = (text: string): DemoMessage => ({ role: 'system', text });
const assistant = (text: string): DemoMessage => ({ role: 'assistant', text });

function answerTo(...messages: DemoMessage[]): string {
  const plan = planReply(messages);
  if (plan.kind !== 'answer') throw new Error(`planned to ${plan.kind}`);
  return plan.text;
}

describe('the demo script', () => {
  it('says that it is scripted and quotes what was said', () => {
    const text = answerTo(user('Hello there'));
    expect(text).toContain('scripted');
    expect(text).toContain('"Hello there"');
    expect(text).toContain('turn 1 ');
  });

  it('counts turns by the user messages before', () => {
    expect(answerTo(user('one'), assistant('1'), user('two'), assistant('2'), user('three'))).toContain('turn 3 ');
  });

  it.each([
    ['Your name is Ada. You are brief.', 'I am Ada.'],
    ['Agent name: bot-7\n\n# SOUL.md\n\nYou are Grace Hopper, an admiral.', 'I am Grace Hopper.'],
    ['- **Name:** Linus', 'I am Linus.'],
    ['Agent name: support-bot\n\nYou help people.', 'I am support-bot.'],
  ])('takes its name from "%s"', (prompt, expected) => {
    expect(answerTo(system(prompt), user('Who are you?'))).toContain(expected);
  });

  it('recalls what the user said before, and only that', () => {
    const text = answerTo(user('My cat is Tom'), assistant('I see'), user('What did I say before?'));
    expect(text).toContain('"My cat is Tom"');
    expect(text).not.toContain('I see');
    expect(answerTo(user('What did I say before?'))).toContain('have not said anything');
  });

  it.each([
    ['[[fail 429]]', { kind: 'fail', status: 429 }],
    ['[[fail]]', { kind: 'fail', status: 500 }],
    ['[[fail 999999]]', { kind: 'fail', status: 599 }],
    ['please [[hang]] now', { kind: 'hang' }],
    ['[[echo a b c]]', { kind: 'answer', text: 'a b c' }],
    ['[[slow 3x20ms]]', { kind: 'answer', text: 'word1 word2 word3', wordDelayMs: 20 }],
  ])('carries out %s', (text, plan) => {
    expect(planReply([user(text)])).toEqual(plan);
  });

  it('calls tools one after the other, then says what they gave', () => {
    const asked = user('[[tool add {"a":1}]] and [[tool stop]]');
    const tools = ['add', 'stop'];
    const added: DemoMessage = { role: 'tool', text: '2' };
    expect(planReply([user('old'), asked], tools)).toEqual({ kind: 'call', call: { name: 'add', input: '{"a":1}' } });
    expect(planReply([asked, assistant(''), added], tools)).toEqual({
      kind: 'call',
      call: { name: 'stop', input: '{}' },
    });
    const end = planReply([asked, assistant(''), added, assistant(''), { role: 'tool', text: 'ok' }], tools);
    expect(end).toEqual({ kind: 'answer', text: '[demo model, scripted]\nadd said: 2\nstop said: ok' });
  });

  it('says so when it has no such tool', () => {
    expect(answerTo(user('[[tool fly]]'))).toContain('I have no tool fly.');
  });

  it('bounds the length of a slow answer', () => {
    expect(answerTo(user('[[slow 99999999x0ms]]')).split(' ')).toHaveLength(10_000);
  });

  it('obeys commands of the last message only', () => {
    expect(planReply([user('[[hang]]'), assistant('…'), user('hello')]).kind).toBe('answer');
  });

  it('counts four characters a token', () => {
    expect([countTokens(''), countTokens('a'), countTokens('12345678')]).toEqual([0, 1, 2]);
  });
});
