// `node docker/healthcheck.mjs <url>`: ends with 0 when the address answers 200 within 3 s.
import { get } from 'node:http';

const request = get(process.argv[2], { timeout: 3_000 }, ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1));
request.on('timeout', () => process.exit(1));
request.on('error', () => process.exit(1));
