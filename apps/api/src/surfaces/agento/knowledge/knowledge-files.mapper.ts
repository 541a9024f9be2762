import type { KnowledgeFile, NewKnowledgeFile } from '#libs/knowledge';
import type { Page, PageRequest } from '#libs/kernel';
import { type AgentoPage, agentoPage, isoTime, isoTimeOrNull } from '../agento.paging.js';
import type {
  DeletedKnowledgeFileDto,
  KnowledgeFileDto,
  ListKnowledgeFilesQuery,
  UploadKnowledgeFileDto,
} from './knowledge-files.dto.js';

const DEFAULT_LIMIT = 50;
const MOST_ROWS = 100;

export const toNewFile = ({ content, ...body }: UploadKnowledgeFileDto): NewKnowledgeFile => ({
  name: body.name,
  content: Buffer.from(content, 'base64'),
  format: body.format,
  charset: body.charset,
  chunkSize: body.chunkSize,
  metadata: body.metadata,
});

export const toFilesPage = ({ limit = DEFAULT_LIMIT, offset = 0 }: ListKnowledgeFilesQuery): PageRequest => ({
  limit: Math.min(limit, MOST_ROWS),
  offset,
});

export const toFile = (file: KnowledgeFile): KnowledgeFileDto => ({
  id: file.id,
  swarmId: file.swarmId,
  agentId: file.agentId,
  name: file.name,
  format: file.format,
  sizeBytes: file.sizeBytes,
  status: file.status,
  progress: {
    done: file.chunksDone,
    total: file.chunksTotal,
    stored: file.stored,
    skipped: file.chunksDone - file.stored,
  },
  error: file.error && { code: file.error.code, message: file.error.message },
  createdAt: isoTime(file.createdAt),
  startedAt: isoTimeOrNull(file.startedAt),
  finishedAt: isoTimeOrNull(file.finishedAt),
});

export const toFileList = (page: Page<KnowledgeFile>, window: PageRequest): AgentoPage<KnowledgeFileDto> =>
  agentoPage(page, toFile, window);

export const toDeletedFile = (id: string, count: number): { data: DeletedKnowledgeFileDto } => ({
  data: { id, deleted: true, count },
});
