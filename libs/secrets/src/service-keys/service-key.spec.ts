import { describe, expect, it } from '@jest/globals';
import { maskedKey } from './service-key.js';

describe('maskedKey', () => {
  it.each([
    ['sk-ant-api03-0123456789-1234', 'sk-ant-***…1234'],
    ['sk-proj-0123456789abcdef1234', 'sk-proj-***…1234'],
    ['sk-0123456789abcdef1234', 'sk-***…1234'],
    ['hf_0123456789abcdef1234', 'hf_***…1234'],
    ['0123456789abcdef1234', '***…1234'],
    ['sk-ant-12345678901', '********'],
    ['sk-ant-123456789012', 'sk-ant-***…9012'],
    ['short', '********'],
    ['sk-', '********'],
  ])('shows of %s no more than %s', (key, masked) => expect(maskedKey(key)).toBe(masked));
});
