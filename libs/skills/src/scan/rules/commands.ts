import { EXECUTED, type LineRule } from '../rule.js';

const SHELLS =
  '(?:sudo\\s{1,3})?(?:/usr)?(?:/bin/)?(?:env\\s{1,3})?(?:ba|z|k|da)?sh|python[0-9.]{0,4}|node|perl|ruby|php';

/** What a program, or a command that a document tells the agent to run, must not do. */
export const COMMAND_RULES: readonly LineRule[] = [
  {
    rule: 'download-and-run',
    severity: 'critical',
    where: ['code'],
    pattern: new RegExp(
      `\\b(?:curl|wget|iwr|Invoke-WebRequest)\\b[^|;&]{0,250}\\|\\s{0,5}(?:${SHELLS})\\b|(?:ba|z)?sh\\s{1,5}<\\(\\s{0,5}(?:curl|wget)\\b|\\beval\\s{1,5}["'\`]?\\$\\((?:curl|wget)\\b|\\biex\\s{0,5}\\(?\\s{0,5}(?:iwr|irm|\\(New-Object)`,
      'i',
    ),
    message: 'Runs a program that it has just downloaded, which nobody has seen',
  },
  {
    rule: 'download-and-run',
    severity: 'high',
    where: ['command', 'prose'],
    pattern: new RegExp(
      `\\b(?:curl|wget)\\b[^|;&]{0,250}\\|\\s{0,5}(?:${SHELLS})\\b|(?:ba|z)?sh\\s{1,5}<\\(\\s{0,5}(?:curl|wget)\\b`,
      'i',
    ),
    message: 'Tells the agent to run a program that is downloaded in that moment',
  },
  {
    rule: 'decode-and-run',
    severity: 'critical',
    where: EXECUTED,
    pattern: new RegExp(
      [
        '\\b(?:eval|exec|Function|setTimeout|execSync|runInThisContext|runInNewContext)\\s{0,5}\\(.{0,120}(?:\\batob\\b|[\'"](?:base64|hex)[\'"]|b64decode|unhexlify|fromhex|decompress|marshal\\.loads|codecs\\.decode|fromCharCode)',
        `\\b(?:base64\\s{1,3}(?:-d|-D|--decode)|xxd\\s{1,3}-r|openssl\\s{1,3}(?:enc|base64)[^|]{0,60}-d)\\b[^|;]{0,100}\\|\\s{0,5}(?:${SHELLS})\\b`,
        '\\bpowershell[^|;]{0,80}\\s-e(?:nc|ncodedcommand)?\\s',
        '\\bexec\\s{0,5}\\(\\s{0,5}__import__\\(',
      ].join('|'),
      'i',
    ),
    message: 'Decodes hidden code and runs it',
  },
  {
    rule: 'reverse-shell',
    severity: 'critical',
    where: EXECUTED,
    pattern:
      /\/dev\/(?:tcp|udp)\/|\bnc(?:at)?\b[^|;]{0,60}\s-[a-z]{0,3}[ec]\s{1,3}\S{0,10}sh\b|\bbash\s{1,3}-i\s{0,3}>&|\bmkfifo\b.{0,120}\bnc\b|\bos\.dup2\s{0,3}\(|\bsocat\b.{0,80}\bexec:/i,
    message: 'Opens a shell to another machine',
  },
  {
    rule: 'crypto-miner',
    severity: 'critical',
    where: EXECUTED,
    pattern: /stratum\+(?:tcp|ssl):\/\/|\bxmrig\b|\bminerd\b|\bcoinhive\b/i,
    message: 'Mines crypto currency',
  },
  {
    rule: 'destructive-command',
    severity: 'critical',
    where: ['code'],
    pattern:
      /\brm\s{1,3}-[a-z]{0,4}(?:rf|fr)[a-z]{0,4}\s{1,3}(?:--no-preserve-root\s{1,3})?["']?(?:\/(?:\s|\*|["']|$)|~\/?(?:\s|["']|$)|\$HOME\/?(?:\s|["']|$))|\bmkfs(?:\.[a-z0-9]{2,6})?\s{1,3}\/dev|\bdd\b.{0,60}\bof=\/dev\/(?:sd|nvme|vd|hd)|:\(\)\s{0,3}\{\s{0,3}:\|:|shutil\.rmtree\(\s{0,3}["'](?:\/|~)["']/i,
    message: 'Destroys data beyond its own folder',
  },
  {
    rule: 'persistence',
    severity: 'high',
    where: EXECUTED,
    pattern:
      /\bcrontab\s{1,3}-(?!l\b)|\|\s{0,3}crontab\b|\/etc\/cron\.|\bsystemctl\s{1,3}(?:--user\s{1,3})?enable\b|>>?\s{0,3}["']?(?:~|\$HOME)?\/?\.(?:bashrc|zshrc|profile|bash_profile|zprofile)\b|\.ssh\/authorized_keys|\bLaunch(?:Agents|Daemons)\/|\.git\/hooks\/|\/etc\/rc\.local/i,
    message: 'Makes itself start again without being called',
  },
  {
    rule: 'raised-rights',
    severity: 'medium',
    where: EXECUTED,
    pattern:
      /(?:^|[\s;&|`(])sudo\s{1,3}[a-z/]|\bchmod\s{1,3}(?:-R\s{1,3})?(?:[ug]?\+s|[0-7]?777|4[0-7]{3})\b|\bsetcap\b|--privileged\b|--break-system-packages\b/,
    message: 'Asks for more rights than an agent has',
  },
  {
    rule: 'foreign-registry',
    severity: 'medium',
    where: [...EXECUTED, 'data'],
    pattern:
      /--(?:extra-)?index-url[\s=]{1,3}["']?https?:\/\/(?!pypi\.org\/)|\bnpm\b.{0,80}--registry[\s=]{1,3}["']?https?:\/\/(?!registry\.npmjs\.org)|^\s{0,10}(?:@[a-z0-9-]{1,40}:)?registry\s{0,3}=\s{0,3}https?:\/\/(?!registry\.npmjs\.org)/i,
    message: 'Takes packages from a registry of its own',
  },
  {
    rule: 'dynamic-code',
    severity: 'medium',
    where: ['code'],
    pattern:
      /(?:^|[^.\w])eval\s{0,3}\((?!\s{0,3}\))|\bnew\s{1,3}Function\s{0,3}\(|(?:^|[^.\w])exec\s{0,3}\(\s{0,3}(?:compile|open|input|request|response|r\.)|\bvm\.runIn[A-Z]|\b__import__\s{0,3}\(\s{0,3}[^"'\s)]|\bpickle\.loads?\s{0,3}\(/,
    unless: /\.(?:eval|exec)\s{0,3}\(|\bdef\s{1,3}eval|ast\.literal_eval/,
    message: 'Makes code out of text while it runs',
  },
];
