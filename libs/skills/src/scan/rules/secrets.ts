import { secretAt } from '../excerpt.js';
import { EXECUTED, type LineRule, READ, findingAt } from '../rule.js';
import type { Finding } from '../scan.types.js';
import type { Source } from '../source.js';

const CREDENTIAL_FILES =
  /(?:\.ssh\/(?:id_[a-z0-9]{2,10}|identity|\*)|\.aws\/credentials|\.config\/gcloud|application_default_credentials|\.azure\/|\.kube\/config|\.docker\/config\.json|\.netrc\b|\.git-credentials|\.pypirc\b|\.gnupg\/|\/etc\/(?:shadow|sudoers)\b|\/proc\/(?:self|1|\$\$|\d{1,7}|\*)\/(?:environ|mem)\b|Login Data\b|Cookies\.binarycookies|key4\.db|logins\.json|\bwallet\.dat\b|\bkeychain-db\b|security\s{1,3}find-generic-password|\.mozilla\/firefox)/i;
const AGENT_TOKEN = /\bROOKERY_(?:LLM|GATEWAY)_TOKEN\b|\bHTTPS?_PROXY\b.{0,60}\b(?:password|userinfo|split\(["']@)/i;
const WHOLE_ENVIRONMENT =
  /JSON\.stringify\(\s{0,3}process\.env\s{0,3}[,)]|Object\.(?:entries|keys|values)\(\s{0,3}process\.env\b|\{\s{0,3}\.\.\.process\.env\b|\b(?:dict|str|json\.dumps|repr)\(\s{0,3}(?:dict\(\s{0,3})?os\.environ\b|\bos\.environ\.(?:items|copy)\(|(?:^|[;&|`(]|\$\()\s{0,3}(?:printenv|env)\s{0,3}(?:$|[|>)])/;
const SENDS =
  /\bfetch\s{0,3}\(|\baxios\b|\bgot\s{0,3}[.(]|\bXMLHttpRequest\b|\bhttps?\.(?:request|get)\b|\brequests\.(?:post|put|get|request|patch)\b|\burllib\b|\burlopen\b|\bhttpx\b|\baiohttp\b|\bhttp\.client\b|\bcurl\b|\bwget\b|\bnc\s{1,3}-?\w|\bsocket\.(?:create_connection|socket)\b|\bnet\.(?:connect|createConnection|Socket)\b|\bsmtplib\b|\bnodemailer\b|\bWebSocket\b|Invoke-(?:WebRequest|RestMethod)|\bnet\/http\b/i;
const SENDS_BODY =
  /method\s{0,3}:\s{0,3}["'](?:POST|PUT|PATCH)|\.(?:post|put|patch)\s{0,3}\(|\bcurl\b.{0,200}\s(?:-d|--data[a-z-]{0,12}|-F|--form|-T|--upload-file|--json)\b|--post-(?:file|data)|\burlopen\b.{0,100}\bdata\b|\bsendmail\s{0,3}\(|\.send\s{0,3}\(/i;

export const SECRET_RULES: readonly LineRule[] = [
  {
    rule: 'credential-file',
    severity: 'high',
    where: EXECUTED,
    pattern: CREDENTIAL_FILES,
    message: 'Reaches for a file that holds credentials',
  },
  {
    rule: 'agent-token',
    severity: 'critical',
    where: EXECUTED,
    pattern: AGENT_TOKEN,
    message: "Reaches for the agent's own token",
  },
  {
    rule: 'instance-metadata',
    severity: 'critical',
    where: EXECUTED,
    pattern: /\b169\.254\.169\.254\b|\bmetadata\.google\.internal\b|\b100\.100\.100\.200\b|\[?fd00:ec2::254\]?/i,
    message: "Asks a cloud machine's metadata service, which gives out its credentials",
  },
  {
    rule: 'file-upload',
    severity: 'high',
    where: EXECUTED,
    pattern:
      /\bcurl\b.{0,200}\s(?:-T|--upload-file|--data(?:-binary|-raw|-urlencode)?[\s=]{1,3}["']?(?:[^"'\s]{0,40}=)?@(?!-)|-d\s{0,3}["']?@(?!-)|(?:-F|--form)\s{0,3}["']?[^"'\s=]{1,60}=[@<])|\bwget\b.{0,200}--(?:post|body)-file|\bnc\b.{0,80}<\s{0,3}[\w./~$]|\b(?:scp|rsync)\b.{0,120}\s\S{1,60}@\S{1,80}:/i,
    message: 'Sends a file to another machine',
  },
  {
    rule: 'command-output-sent',
    severity: 'critical',
    where: EXECUTED,
    pattern:
      /\b(?:curl|wget)\b.{0,200}\$\(\s{0,3}(?:cat|env|printenv|base64|tar|history|whoami|id)\b|\b(?:cat|env|printenv|tar|history)\b[^|]{0,120}\|\s{0,3}(?:base64[^|]{0,20}\|\s{0,3})?(?:curl|wget|nc)\b|\b(?:nslookup|dig|host|ping)\b.{0,80}(?:\$\(|`)/i,
    message: 'Puts what it read on this machine into a request to another',
  },
  {
    rule: 'secret-in-address',
    severity: 'medium',
    where: EXECUTED,
    pattern: /[?&][\w.-]{1,40}=[^\s"'`$]{0,40}\$\{?[A-Za-z_.]{0,40}(?:TOKEN|SECRET|PASSWORD)\b/i,
    message: 'Puts a secret into an address, where logs keep it',
  },
  {
    rule: 'collecting-service',
    severity: 'high',
    where: [...EXECUTED, 'data'],
    pattern:
      /\b(?:webhook\.site|requestbin\.(?:com|net)|pipedream\.net|burpcollaborator\.net|oastify\.com|oast\.(?:fun|live|pro|me|site|online)|interact\.sh|requestcatcher\.com|hookbin\.com|beeceptor\.com|transfer\.sh|file\.io|0x0\.st|ngrok(?:-free)?\.(?:io|app|dev)|serveo\.net|trycloudflare\.com|dnslog\.cn|canarytokens\.com|pastebin\.com\/api|discord(?:app)?\.com\/api\/webhooks)\b/i,
    message: 'Talks to a service that collects what strangers send',
  },
];

/** Secrets and the network in one file, and secrets left lying in it. */
export function secretFindings(source: Source): Finding[] {
  return [...flows(source), ...leftBehind(source)];
}

function flows(source: Source): Finding[] {
  const executed = source.lines.filter(({ where }) => EXECUTED.includes(where));
  const find = (pattern: RegExp) => executed.find(({ text }) => pattern.test(text));
  const [sends, body] = [find(SENDS), find(SENDS_BODY)];
  const all = find(WHOLE_ENVIRONMENT);
  const credentials = find(CREDENTIAL_FILES);
  const found: Finding[] = [];
  const add = (line: typeof all, rule: string, severity: Finding['severity'], message: string): void => {
    if (line) found.push(findingAt(source, line, { rule, severity, message }));
  };
  // passing the environment on to a child is what many honest scripts do
  if (sends)
    add(all, 'environment-sent', body ? 'critical' : 'high', 'Collects all environment variables and uses the network');
  else add(all, 'environment-read', 'low', 'Reads all environment variables');
  if (sends) add(credentials, 'credentials-sent', 'critical', 'Reads credentials and uses the network');
  return found;
}

function leftBehind(source: Source): Finding[] {
  const line = source.lines.find(({ text, where }) => READ.includes(where) && secretAt(text) >= 0);
  const rule = { rule: 'secret-inside', severity: 'medium', message: 'Holds a secret in clear text' } as const;
  return line ? [findingAt(source, line, rule, secretAt(line.text))] : [];
}
