// An S3-compatible server of its own process: `node --openssl-legacy-provider s3rver.mjs <folder> <bucket>`.
// The old provider holds the cipher this server makes its continuation tokens with.
import S3rver from '@20minutes/s3rver';

const [directory, bucket] = process.argv.slice(2);
const server = new S3rver({
  address: '127.0.0.1',
  port: 0,
  silent: true,
  directory,
  configureBuckets: [{ name: bucket }],
});
const { port } = await server.run();
process.send?.({ port });
process.on('disconnect', () => process.exit(0));
