export const TEMPLATE_CATEGORIES = ['engineering', 'sales-outreach', 'devops-infrastructure', 'productivity'] as const;
export type TemplateCategory = (typeof TEMPLATE_CATEGORIES)[number];

/** What a kind of agent begins as. */
export interface TemplateDraft {
  /** Readable: `template-pr-review`. */
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly category: TemplateCategory;
  /** Names of what it works with, for a client to draw; at most 10. */
  readonly icons: readonly string[];
  readonly defaultModel: string;
  /** At most 5,000 characters. */
  readonly defaultPersona: string;
  /** As heartbeats name it. */
  readonly defaultHeartbeatInterval: '5m' | '15m' | '30m' | '1h' | '2h';
  /** At most 50 lines. */
  readonly defaultChecklist: readonly string[];
}

/** A template of an organisation. */
export interface Template extends TemplateDraft {
  /** Who added it; null when that user is gone. */
  readonly userId: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}
