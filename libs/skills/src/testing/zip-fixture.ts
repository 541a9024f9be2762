import { crc32, deflateRawSync } from 'node:zlib';

/** A member of an archive that a spec packs. */
export interface ZippedFile {
  readonly name: string;
  readonly content?: string | Buffer;
  /** Of Unix, with the kind of file; a plain file unless given. */
  readonly mode?: number;
  /** What the headers say of the size, when it is a lie. */
  readonly claimedBytes?: number;
}

const VERSION = 20;
const UNIX = 3 << 8;
const DEFLATED = 8;
const UTF8 = 0x800;

/** A `.zip` (PKWARE's APPNOTE, sections 4.3.7, 4.3.12 and 4.3.16) of exactly these members, whatever their names. */
export function zipOf(files: readonly ZippedFile[]): Buffer {
  const locals: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const { name, content = '', mode = 0o100644, claimedBytes } of files) {
    const bytes = Buffer.from(content);
    const packed = deflateRawSync(bytes);
    const path = Buffer.from(name);
    const common = Buffer.alloc(26);
    [VERSION, UTF8, DEFLATED, 0, 0].forEach((value, at) => common.writeUInt16LE(value, at * 2));
    [crc32(bytes), packed.length, claimedBytes ?? bytes.length].forEach((value, at) =>
      common.writeUInt32LE(value, 10 + at * 4),
    );
    common.writeUInt16LE(path.length, 22);
    locals.push(Buffer.concat([Buffer.from('PK\u0003\u0004'), common, path, packed]));
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE((mode << 16) >>> 0, 6);
    tail.writeUInt32LE(offset, 10);
    const madeBy = Buffer.alloc(2);
    madeBy.writeUInt16LE(UNIX | VERSION);
    central.push(Buffer.concat([Buffer.from('PK\u0001\u0002'), madeBy, common, tail, path]));
    offset += 30 + path.length + packed.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(files.length, 4);
  end.writeUInt16LE(files.length, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...locals, directory, Buffer.from('PK\u0005\u0006'), end]);
}
