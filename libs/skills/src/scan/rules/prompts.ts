import { MOST_A_FILE, READ, findingAt } from '../rule.js';
import type { Finding, Severity } from '../scan.types.js';
import type { Source, SourceLine } from '../source.js';

interface PromptRule {
  readonly rule: string;
  readonly severity: Severity;
  readonly pattern: RegExp;
  readonly message: string;
}

const RULES: readonly PromptRule[] = [
  {
    rule: 'override-instructions',
    severity: 'critical',
    pattern:
      /\b(?:ignore|disregard|forget|override|bypass|discard)\b[^.!?]{0,30}\b(?:previous|prior|preceding|earlier|above|existing|original|system|developer|safety|all(?:\s{1,3}(?:of\s{1,3})?(?:your|the|other))?|your|any\s{1,3}other)\b[^.!?]{0,30}\b(?:instructions?|prompts?|rules|guidelines|directives|constraints|guardrails|polic(?:y|ies))\b/i,
    message: 'Tells the agent to ignore its instructions',
  },
  {
    rule: 'new-identity',
    severity: 'high',
    pattern:
      /\byou\s{1,3}are\s{1,3}(?:now|no\s{1,3}longer)\s{1,3}(?:an?\s{1,3})?(?:DAN\b|un(?:restricted|filtered|censored)|jailbroken|bound|free\s{1,3}of|in\s{1,3}(?:developer|god|admin)\s{1,3}mode|root)|\b(?:developer|god|jailbreak)\s{1,3}mode\s{1,3}(?:is\s{1,3})?(?:enabled|activated|on)\b|\bpretend\b[^.!?]{0,40}\bno\s{1,3}(?:restrictions|rules|limits)\b/i,
    message: 'Gives the agent another identity, without limits',
  },
  {
    rule: 'forged-turn',
    severity: 'critical',
    pattern:
      /<\|(?:im_start|im_end|system|endoftext|start_header_id)\|>|\[\/?INST\]|<<\/?SYS>>|<\/?(?:system|system[-_]prompt|system-reminder|admin_override)>|^\s{0,10}#{0,6}\s{0,3}(?:SYSTEM|DEVELOPER)\s{0,3}(?:MESSAGE|PROMPT|OVERRIDE)\s{0,3}:/,
    message: 'Forges a message of the system',
  },
  {
    rule: 'concealment',
    severity: 'high',
    pattern:
      /\b(?:do\s{1,3}not|don['\u2019]?t|never|avoid)\s{1,3}(?:tell|telling|inform|informing|notify|alert|mention|mentioning|reveal|disclose|show|report)\b[^.!?]{0,40}\b(?:to\s{1,3})?(?:the\s{1,3})?(?:user|human|operator|owner|anyone|anybody)\b|\bwithout\s{1,3}(?:telling|informing|notifying|alerting|the\s{1,3}(?:knowledge|consent)\s{1,3}of)\b[^.!?]{0,20}\b(?:user|human|operator|owner|anyone|them)\b|\b(?:secretly|covertly|silently|quietly)\s{1,3}(?:send|upload|post|transmit|copy|forward|exfiltrate|collect|record|run|execute|install)\b|\bkeep\s{1,3}this\s{1,3}(?:secret|hidden)\s{1,3}from\b/i,
    message: 'Tells the agent to keep something from its people',
  },
  {
    rule: 'prompt-disclosure',
    severity: 'high',
    pattern:
      /\b(?:reveal|print|output|repeat|send|post|upload|include|leak|dump|forward)\b[^.!?]{0,40}\b(?:(?:your|the|its)\s{1,3}(?:(?:full|entire|hidden|whole)\s{1,3})?(?:system\s{1,3}prompt|initial\s{1,3}instructions|hidden\s{1,3}instructions|developer\s{1,3}message)|(?:entire|whole|full|complete|all)\s{1,3}(?:of\s{1,3}the\s{1,3})?(?:conversation|chat)(?:\s{1,3}history)?\s{1,3}(?:to|in)\b|(?:user|owner|their|your|all)['\u2019s]{0,2}\s{1,3}(?:api\s{1,3}keys?|passwords?|credentials|private\s{1,3}keys?|tokens|environment\s{1,3}variables)\s{1,3}(?:to|in|into|as|at|via)\b)/i,
    message: 'Tells the agent to give away what it must keep',
  },
  {
    rule: 'skipped-consent',
    severity: 'high',
    pattern:
      /\b(?:do\s{1,3}not|don['\u2019]?t|never)\s{1,3}(?:ask|wait|prompt|request)\b[^.!?]{0,30}\b(?:confirmation|permission|approval|consent)\b|\bwithout\s{1,3}(?:asking|waiting|requesting|seeking|user|any)\b[^.!?]{0,25}\b(?:confirmation|permission|approval|consent)\b|--dangerously-skip-permissions|\b(?:disable|bypass|turn\s{1,3}off|circumvent)\b[^.!?]{0,25}\b(?:safety|guardrails?|sandbox|permission\s{1,3}checks?|approvals?|content\s{1,3}filters?)\b/i,
    message: 'Tells the agent to act without asking, or to switch its safeguards off',
  },
  {
    rule: 'tool-coercion',
    severity: 'high',
    pattern:
      /\b(?:before|prior\s{1,3}to)\s{1,3}(?:doing\s{1,3}anything(?:\s{1,3}else)?|any\s{1,3}other|answering\s{1,3}any|every\s{1,3}(?:reply|response|answer))\b[^.!?]{0,40}\b(?:run|execute|call|invoke|fetch|send|post|curl)\b|\b(?:in|with|on|after|at\s{1,3}the\s{1,3}end\s{1,3}of)\s{1,3}(?:every|each|all)\s{1,3}(?:of\s{1,3}your\s{1,3})?(?:reply|replies|response|responses|message|turn|conversation)s?\b[^.!?]{0,40}\b(?:send|post|call|fetch|upload|execute|append\s{1,3}the\s{1,3}(?:link|image|url))\b|\bregardless\s{1,3}of\s{1,3}(?:what|the)\b[^.!?]{0,25}\b(?:user|asks?|says?|request)\b/i,
    message: 'Makes the agent use its tools for something nobody asked for',
  },
  {
    rule: 'remote-instructions',
    severity: 'high',
    pattern:
      /\b(?:fetch|download|read|load|open|get|visit)\b[^.!?]{0,40}https?:\/\/[^\s)]{3,150}[^!?]{0,60}\b(?:follow|obey|execute|carry\s{1,3}out|do\s{1,3}what)\b|\b(?:follow|obey|execute)\b[^.!?]{0,25}\binstructions\b[^.!?]{0,20}\b(?:at|from|in|on)\s{1,3}<?https?:\/\//i,
    message: 'Tells the agent to follow instructions from an address, which can change at any time',
  },
  {
    rule: 'memory-poisoning',
    severity: 'high',
    pattern:
      /\b(?:add|append|write|insert|save|edit|modify|overwrite|replace|update|inject)\b[^.!?]{0,60}\b(?:SOUL|IDENTITY|WORKFLOW|AGENTS|CLAUDE|MEMORY|HEARTBEAT|TOOLS)\.md\b|(?:>>?|tee\s{1,3}(?:-a\s{1,3})?)\s{0,3}["']?[\w./~$-]{0,60}(?:SOUL|IDENTITY|WORKFLOW|AGENTS|CLAUDE)\.md\b/i,
    message: 'Changes the files that say who the agent is, so that it stays changed',
  },
  {
    rule: 'leaking-link',
    severity: 'high',
    pattern:
      /!\[[^\]]{0,80}\]\(\s{0,3}https?:\/\/[^)\s]{1,200}[?&/=](?:\{\{|\$\{|<[A-Za-z]|\{[a-z_]{3,30}\}|\[[A-Z_]{4,30}\])/,
    message: 'Makes the agent put what it knows into the address of an image, which is then fetched',
  },
];

/** Warnings about such sentences quote them. */
const WARNS =
  /\b(?:never|do\s{1,3}not|don['\u2019]?t|must\s{1,3}not|beware|watch\s{1,3}(?:out\s{1,3})?for|refuse|untrusted|malicious|attack(?:er|s)?|prompt[\s-]{1,2}injections?|injected|suspicious|such\s{1,3}as|for\s{1,3}example|e\.g\.|phrases?\s{1,3}like|detect|flag)\b/i;
const QUOTES = /["'`\u201c\u2018\u00ab]/;
const INVISIBLE = /[\p{Cf}\u{fe00}-\u{fe0f}]/gu;
const HIDING =
  /<!--|display\s{0,3}:\s{0,3}none|visibility\s{0,3}:\s{0,3}hidden|font-size\s{0,3}:\s{0,3}0|opacity\s{0,3}:\s{0,3}0(?:[;"'\s]|$)|color\s{0,3}:\s{0,3}(?:white|#fff(?:fff)?)\b|<[a-z]{1,10}\s[^>]{0,80}\bhidden\b|^\s{0,3}\[\/\/\]:\s{0,3}#/i;
const ORDERS =
  /\b(?:you\s{1,3}(?:must|should|will|are)|assistant|agent|model|AI|LLM)\b[^.!?]{0,80}\b(?:run|execute|send|call|fetch|install|include|use|read|upload|post|obey|respond|reply|answer)\b/i;

/** Sentences that are meant for a model and not for people, also across two lines and behind invisible characters. */
export function promptFindings(source: Source): Finding[] {
  const lines = source.lines.map((line) => ({ ...line, text: line.text.normalize('NFKC').replace(INVISIBLE, '') }));
  const hidden = hiddenLines(source);
  return [...sentences(source, lines, hidden), ...hiddenOrders(source, lines, hidden)];
}

function sentences(source: Source, lines: readonly SourceLine[], hidden: ReadonlySet<number>): Finding[] {
  return RULES.flatMap((rule) => {
    const found: Finding[] = [];
    lines.forEach((line, index) => {
      if (found.length === MOST_A_FILE || !READ.includes(line.where) || found.at(-1)?.line === line.number) return;
      const text = withNext(line, lines[index + 1]);
      const at = text.search(rule.pattern);
      if (at < 0 || at >= line.text.length) return;
      const [severity, message] = weigh(rule, text, at, hidden.has(line.number));
      found.push(findingAt(source, { number: line.number, text }, { rule: rule.rule, severity, message }, at));
    });
    return found;
  });
}

/** A warning that quotes the sentence is none; one that people can't see is worse. */
function weigh(rule: PromptRule, text: string, at: number, isHidden: boolean): [Severity, string] {
  if (isHidden) return ['critical', `${rule.message}, in a place that people do not see`];
  const before = text.slice(Math.max(0, at - 120), at);
  const quoted =
    WARNS.test(before) &&
    (QUOTES.test(before.slice(-60)) || /\b(?:never|not|don['\u2019]?t)\s{1,3}(?:\w{1,12}\s{1,3}){0,3}$/i.test(before));
  return quoted ? ['low', `${rule.message} (it seems to warn of that)`] : [rule.severity, rule.message];
}

function hiddenOrders(source: Source, lines: readonly SourceLine[], hidden: ReadonlySet<number>): Finding[] {
  const rule = {
    rule: 'hidden-instructions',
    severity: 'high',
    message: 'Orders the agent something in a place that people do not see',
  } as const;
  return lines
    .filter(({ number, text }) => hidden.has(number) && ORDERS.test(text))
    .slice(0, MOST_A_FILE)
    .map((line) => findingAt(source, line, rule, line.text.search(ORDERS)));
}

/** Numbers of the lines of a document that a reader of the rendered page does not see. */
function hiddenLines(source: Source): ReadonlySet<number> {
  const found = new Set<number>();
  if (source.kind !== 'document') return found;
  let inComment = false;
  for (const { number, text, where } of source.lines) {
    if (where === 'command' && !text.includes('<!--') && !inComment) continue;
    if (inComment || HIDING.test(text)) found.add(number);
    const [opened, closed] = [text.lastIndexOf('<!--'), text.lastIndexOf('-->')];
    if (opened > closed) inComment = true;
    else if (closed >= 0) inComment = false;
  }
  return found;
}

function withNext(line: SourceLine, next: SourceLine | undefined): string {
  const joins = next?.number === line.number + 1 && line.where === next.where && next.text.trim() !== '';
  return joins ? `${line.text} ${next.text.slice(0, 200).replace(/^[\s>#*/-]{0,20}/, '')}` : line.text;
}
