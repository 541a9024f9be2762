// Every kind of side effect a worker has, wrapped. What counts is found by reflection: a function of node:fs, a request to the
// Docker engine or a write to Postgres that somebody adds is a failpoint without their doing.
import childProcess from 'node:child_process';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

/** Of node:fs, what only reads; everything else writes. `open` does either. */
const READERS =
  /^(access|close|exists|fdatasync|fstat|fsync|glob|lstat|openAsBlob|opendir|read|readFile|readdir|readlink|readv|realpath|stat|statfs|unwatchFile|watch|watchFile)$/;
const WRITE_BITS = fs.constants.O_WRONLY | fs.constants.O_RDWR | fs.constants.O_CREAT;
const WRITES = /^\s*(INSERT|UPDATE|DELETE|WITH\b[\s\S]*\b(INSERT INTO|UPDATE|DELETE FROM))\b/i;
const IDENTIFIERS = /[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}|[0-9a-f]{12,}/g;

/**
 * Files, programs and signals of this process.
 * @param effects `around(what, work)` runs a side effect; `begin(what)` and `end(what)` are its two ends where it is no call
 */
export function wrapSystem(effects) {
  wrapFiles(fs, 'Sync', effects);
  wrapFiles(fs.promises, '', effects);
  replace(fs, 'createWriteStream', (original) => (...values) => {
    effects.begin('writeStream');
    return original(...values).once('close', () => effects.end('writeStream'));
  });
  replace(
    childProcess,
    'spawn',
    (original) =>
      (...values) =>
        effects.around('spawn', () => original(...values)),
  );
  replace(process, 'kill', (original) => (pid, signal) => {
    const send = () => original(pid, signal);
    return signal === 0 ? send() : effects.around(`kill ${signal}`, send);
  });
  syncBuiltinESMExports();
}

function wrapFiles(owner, suffix, { around }) {
  for (const name of Object.keys(owner).filter((key) => /^[a-z]/.test(key) && key.endsWith(suffix))) {
    const what = name.replace(/Sync$/, '');
    if (typeof owner[name] !== 'function' || READERS.test(what)) continue;
    replace(owner, name, (original) => (...values) => {
      const work = () => original(...values);
      return what === 'open' && !opensForWriting(values[1]) ? work() : around(what, work);
    });
  }
}

const opensForWriting = (flags = 'r') =>
  typeof flags === 'number' ? (flags & WRITE_BITS) !== 0 : !['r', 'rs'].includes(flags);

/** @param Database the class of `libs/database`; of a transaction, the commit is the effect */
export function wrapDatabase({ prototype }, { around, begin, end }) {
  const { query, named, transaction } = prototype;
  const write = (text, work) => (WRITES.test(text) ? around(brief(text), work) : work());
  prototype.query = function (text, values) {
    return write(text, () => query.call(this, text, values));
  };
  prototype.named = function (name, text, values) {
    return write(text, () => named.call(this, name, text, values));
  };
  prototype.transaction = async function (work) {
    let commit;
    const note = (text) => WRITES.test(text) && (commit ??= `commit of ${brief(text)}`);
    const result = await transaction.call(this, async (tx) => {
      const statements = { query: tx.query.bind(tx), named: tx.named.bind(tx) };
      tx.query = (text, values) => (note(text), statements.query(text, values));
      tx.named = (name, text, values) => (note(text), statements.named(name, text, values));
      const worked = await work(tx);
      if (commit) await begin(commit);
      return worked;
    });
    if (commit) await end(commit);
    return result;
  };
}

/** @param Modem the class of docker-modem: every request to the engine that is no mere question */
export function wrapEngine({ prototype }, { around }) {
  const { dial } = prototype;
  prototype.dial = function (options, callback) {
    if (options.method === 'GET' || options.method === 'HEAD' || options.path.includes('/wait')) {
      return dial.call(this, options, callback);
    }
    const path = options.path.replace(/\?.*/, '').replace(IDENTIFIERS, '<id>');
    const request = () =>
      new Promise((resolve, reject) => {
        dial.call(this, options, (error, data) => (error ? reject(error) : resolve(data)));
      });
    const answer = (async () => around(`${options.method} ${path}`, request))();
    answer.then(
      (data) => callback(null, data),
      (error) => callback(error),
    );
  };
}

const brief = (text) => text.replace(/\s+/g, ' ').trim().split(' ').slice(0, 5).join(' ');

function replace(owner, name, make) {
  owner[name] = make(owner[name].bind(owner));
}
