import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT } from './environment.mjs';
import { librariesOf } from './image-layer.mjs';

export const NODE_UID = 1000;
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';

/** Node and its libraries, nothing else. */
export function baseImage(layer) {
  layer.programs({ '/usr/local/bin/node': nodeBinary() });
  for (const name of ['librt.so.1', 'libutil.so.1', 'libresolv.so.2', 'libnss_dns.so.2', 'libnss_files.so.2'])
    addLibrary(layer, name);
  if (fs.existsSync(CERTIFICATES)) layer.file(CERTIFICATES, CERTIFICATES);
  return layer
    .text('/etc/passwd', `root:x:0:0:root:/:/sbin/nologin\nnode:x:${NODE_UID}:${NODE_UID}::/home/node:/sbin/nologin\n`)
    .text('/etc/group', `root:x:0:\nnode:x:${NODE_UID}:\n`)
    .text('/etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n')
    .folder('/tmp', 0o1777)
    .folder('/home/node', 0o755, NODE_UID)
    .dockerfile('ENV PATH=/usr/local/bin:/usr/bin:/bin NODE_ENV=production LANG=C.UTF-8');
}

export function nodeBinary() {
  const packaged = join(ROOT, `node_modules/node-linux-${process.arch}/bin/node`);
  return fs.existsSync(packaged) ? packaged : process.execPath;
}

/** A library next to the C library, which programs open by name at run time. */
function addLibrary(layer, name) {
  const libc = librariesOf(nodeBinary()).find((path) => /\/libc\.so/.test(path));
  const path = libc && join(dirname(libc), name);
  if (path && fs.existsSync(path)) layer.file(path, path, 0o755);
}
