import { type Server, createServer, request } from 'node:http';

/** A plain HTTP/1.1 reverse proxy that buffers nothing: each request goes to the address that `next` gives. Not listening yet. */
export function reverseProxy(next: () => string): Server {
  return createServer((req, res) => {
    const { method, headers } = req;
    const onward = request(new URL(req.url ?? '/', next()), { method, headers }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(res);
    });
    onward.on('error', () => res.destroy());
    res.on('close', () => onward.destroy());
    req.pipe(onward);
  });
}
