import { describe, expect, it } from '@jest/globals';
import { HEARTBEAT_INTERVALS, MOST_CHECKS, MOST_CHECK_LENGTH } from '#libs/heartbeats';
import { DEFAULT_TEMPLATES } from './default-templates.js';
import { TEMPLATE_CATEGORIES } from './template.js';

describe('the default templates', () => {
  it('are of every category, each with an id of its own', () => {
    expect(DEFAULT_TEMPLATES.length).toBeGreaterThanOrEqual(8);
    expect(new Set(DEFAULT_TEMPLATES.map(({ id }) => id)).size).toBe(DEFAULT_TEMPLATES.length);
    expect(new Set(DEFAULT_TEMPLATES.map(({ category }) => category))).toEqual(new Set(TEMPLATE_CATEGORIES));
  });

  it.each(DEFAULT_TEMPLATES.map((template) => [template.id, template] as const))(
    '%s is within what an agent may have',
    (id, template) => {
      expect(id).toMatch(/^template-[a-z-]+$/);
      expect(template.name.length).toBeLessThanOrEqual(255);
      expect(template.defaultPersona.length).toBeLessThanOrEqual(5_000);
      expect(template.icons.length).toBeLessThanOrEqual(10);
      expect(Object.keys(HEARTBEAT_INTERVALS)).toContain(template.defaultHeartbeatInterval);
      expect(template.defaultChecklist.length).toBeLessThanOrEqual(MOST_CHECKS);
      expect(Math.max(...template.defaultChecklist.map((line) => line.length))).toBeLessThanOrEqual(MOST_CHECK_LENGTH);
    },
  );
});
