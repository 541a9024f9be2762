import { findingAt } from '../rule.js';
import type { Finding } from '../scan.types.js';
import type { Source } from '../source.js';

const NPM_HOOK =
  /"(?:pre|post)?(?:install|prepare|prepublish|preprepare|postprepare|dependencies|uninstall)"\s{0,5}:\s{0,5}"/;
const POWERFUL =
  /\b(?:curl|wget|node\s{1,3}-e|python[0-9.]{0,4}\s{1,3}-c|bash|sh\s{1,3}-c|eval|base64|nc|powershell)\b/i;
const REMOTE_DEPENDENCY = /"[@\w./-]{1,120}"\s{0,5}:\s{0,5}"(?:git(?:\+[a-z]{2,5})?:|https?:|github:|file:\.\.)/;
const PYTHON_HOOK =
  /\bcmdclass\s{0,3}=|class\s{1,3}\w{1,60}\((?:install|develop|egg_info|build_py|build_ext)\)|\bos\.system\(|\bsubprocess\./;

/** Code that runs because the skill is installed, and not because it is used. */
export function installHookFindings(source: Source): Finding[] {
  const name = source.path.slice(source.path.lastIndexOf('/') + 1).toLowerCase();
  if (name === 'package.json') return packageJson(source);
  if (name === 'setup.py') {
    const message = 'Runs code of its own when it is installed';
    return first(source, PYTHON_HOOK, { rule: 'install-hook', severity: 'high', message });
  }
  if (name === 'binding.gyp') {
    const message = 'Is compiled when it is installed';
    return first(source, /./, { rule: 'install-hook', severity: 'high', message });
  }
  return [];
}

function packageJson(source: Source): Finding[] {
  const hook = source.lines.find(({ text }) => NPM_HOOK.test(text) && !/"dependencies"\s{0,5}:\s{0,5}\{/.test(text));
  const found = hook
    ? [
        POWERFUL.test(hook.text.slice(hook.text.search(NPM_HOOK)))
          ? findingAt(source, hook, {
              rule: 'install-hook',
              severity: 'critical',
              message: 'Runs a shell or downloads something when it is installed',
            })
          : findingAt(source, hook, {
              rule: 'install-hook',
              severity: 'high',
              message: 'Runs code when it is installed',
            }),
      ]
    : [];
  const message = 'Takes a package from an address instead of the registry';
  return [...found, ...first(source, REMOTE_DEPENDENCY, { rule: 'remote-package', severity: 'medium', message })];
}

function first(source: Source, pattern: RegExp, rule: Pick<Finding, 'rule' | 'severity' | 'message'>): Finding[] {
  const line = source.lines.find(({ text }) => pattern.test(text));
  return line ? [findingAt(source, line, rule, line.text.search(pattern))] : [];
}
