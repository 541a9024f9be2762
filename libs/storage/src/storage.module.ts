import { type DynamicModule, Global, Module } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { FolderStorage } from './folder/folder-storage.js';
import { OBJECT_STORAGE, type ObjectStorage } from './object-storage.js';

/** Provides the {@link ObjectStorage}: S3 when S3_BUCKET is set, else a folder. */
@Global()
@Module({})
export class StorageModule {
  static forRoot(): DynamicModule {
    return {
      module: StorageModule,
      providers: [{ provide: OBJECT_STORAGE, inject: [CONFIG], useFactory: openStorage }],
      exports: [OBJECT_STORAGE],
    };
  }
}

/** The SDK is loaded only where it is used: it costs memory and time at the start. */
export async function openStorage({ storage }: Config): Promise<ObjectStorage> {
  if (storage.s3 === undefined) return new FolderStorage(storage.dir);
  const { S3Storage } = await import('./s3/s3-storage.js');
  return new S3Storage(storage.s3);
}
