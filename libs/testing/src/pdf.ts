import { deflateSync } from 'node:zlib';

/** A PDF with these streams as pages; text is drawn as `(text) Tj`. */
export function pdf(pages: readonly Buffer[], trailer = ''): Uint8Array {
  const objects: Buffer[] = [];
  const kids = pages.map((_page, n) => `${4 + n * 2} 0 R`).join(' ');
  objects.push(Buffer.from('<</Type/Catalog/Pages 2 0 R>>'));
  objects.push(Buffer.from(`<</Type/Pages/Count ${pages.length}/Kids[${kids}]>>`));
  objects.push(Buffer.from('<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>'));
  pages.forEach((stream, n) => {
    const at = 4 + n * 2;
    objects.push(
      Buffer.from(
        `<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Resources<</Font<</F1 3 0 R>>>>/Contents ${at + 1} 0 R>>`,
      ),
    );
    objects.push(
      Buffer.concat([
        Buffer.from(`<</Filter/FlateDecode/Length ${stream.length}>>\nstream\n`),
        stream,
        Buffer.from('\nendstream'),
      ]),
    );
  });
  let file = Buffer.from('%PDF-1.7\n');
  const offsets = objects.map((object, n) => {
    const offset = file.length;
    file = Buffer.concat([file, Buffer.from(`${n + 1} 0 obj\n`), object, Buffer.from('\nendobj\n')]);
    return offset;
  });
  const table = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('');
  const end = `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${table}trailer\n<</Size ${objects.length + 1}/Root 1 0 R${trailer}>>\nstartxref\n${file.length}\n%%EOF`;
  return new Uint8Array(Buffer.concat([file, Buffer.from(end)]));
}

/** A page's stream of lines at heights. */
export const drawn = (...lines: [y: number, text: string][]): Buffer =>
  deflateSync(lines.map(([y, text]) => `BT /F1 12 Tf 1 0 0 1 50 ${y} Tm (${text}) Tj ET`).join('\n'));

/** The standard security handler, with a password that is not empty. */
export const encryptedPdf = (): Uint8Array => {
  const hex = (byte: string): string => byte.repeat(32);
  return pdf(
    [drawn([700, 'Secret'])],
    `/ID[<${hex('00')}><${hex('00')}>]/Encrypt<</Filter/Standard/V 2/R 3/Length 128/P -4/O<${hex('ab')}>/U<${hex('cd')}>>>`,
  );
};
