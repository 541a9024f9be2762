/** The secrets a client may hand over with an agent, by their name in agento's bodies. */
export const AGENT_SECRETS = {
  anthropicApiKey: 'anthropic_api_key',
  openaiApiKey: 'openai_api_key',
  googleApiKey: 'google_api_key',
  telegramBotToken: 'telegram_bot_token',
  slackBotToken: 'slack_bot_token',
  slackAppToken: 'slack_app_token',
} as const;

export type AgentSecretName = keyof typeof AGENT_SECRETS;

/** One of these is needed to reach a model. */
export const LLM_SECRETS = ['anthropicApiKey', 'openaiApiKey', 'googleApiKey'] as const;

/** The stored names of the secrets that were given; unknown fields are left out. */
export function storedSecrets(given: Partial<Record<AgentSecretName, string>> = {}): Record<string, string> {
  const entries = Object.entries(AGENT_SECRETS).flatMap(([name, stored]) => {
    const value = given[name as AgentSecretName];
    return value === undefined ? [] : [[stored, value] as const];
  });
  return Object.fromEntries(entries);
}
