import { CsvError, parse } from 'csv-parse/sync';
import { type FileRecord, packRecords } from '../cut-text.js';
import type { FilePiece } from '../knowledge-file.js';
import { Unreadable } from '../unreadable.js';

const DELIMITERS = [',', ';', '\t', '|'];
const LONGEST_ROW = 100_000;

interface Row {
  readonly record: readonly string[];
  readonly info: { readonly records: number };
}

/**
 * Rows as `Column: value` lines. The first row names the columns, unless one of its cells is empty or a number. Pieces
 * hold whole rows and say from which to which, counted from 1 with the row of names.
 * @throws Unreadable for quotes that do not end and rows of 100,000 characters.
 */
export function readCsv(text: string, most: number): FilePiece[] {
  const rows = rowsOf(text);
  const [first] = rows;
  const names = first && first.record.every(isName) ? first.record : undefined;
  return packRecords(recordsOf(names ? rows.slice(1) : rows, names), most, ['firstRow', 'lastRow']);
}

function* recordsOf(rows: readonly Row[], names: readonly string[] | undefined): Generator<FileRecord> {
  for (const { record, info } of rows) {
    const cells = record.map((cell, at) => [names?.[at] ?? '', cell.trim()] as const).filter(([, cell]) => cell !== '');
    const text = names
      ? cells.map(([name, cell]) => (name === '' ? cell : `${name.trim()}: ${cell}`)).join('\n')
      : cells.map(([, cell]) => cell).join(' | ');
    yield { text, number: info.records };
  }
}

function rowsOf(text: string): readonly Row[] {
  try {
    return parse(text, {
      delimiter: delimiterOf(text),
      info: true,
      bom: true,
      relax_column_count: true,
      skip_empty_lines: true,
      max_record_size: LONGEST_ROW,
    }) as unknown as Row[];
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const line = Number((error as { lines?: unknown }).lines);
    throw new Unreadable('file_broken', `The file is no CSV that can be read${line > 0 ? `, near line ${line}` : ''}`);
  }
}

/** What stands most often in the first line. */
function delimiterOf(text: string): string {
  const [line = ''] = text.split(/\r\n|\r|\n/, 1);
  const counts = DELIMITERS.map((sign) => line.split(sign).length);
  return DELIMITERS[counts.indexOf(Math.max(...counts))]!;
}

const isName = (cell: string): boolean => cell.trim() !== '' && Number.isNaN(Number(cell));
