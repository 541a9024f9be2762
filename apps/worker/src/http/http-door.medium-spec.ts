import { Agent, type IncomingMessage, type ServerResponse, request } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { HttpDoor } from './http-door.js';

describe('HttpDoor', () => {
  it('lets go of a busy connection as soon as its answer is over, when it closes meanwhile', async () => {
    const waiting: ServerResponse[] = [];
    const door = new HttpDoor('the door', (_req, res) => {
      res.write('begun, ');
      waiting.push(res);
    });
    const { port } = await door.listen(0, '127.0.0.1');
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      request({ host: '127.0.0.1', port, agent }, resolve).on('error', reject).end();
    });
    const closed = door.close(3_600_000);
    waiting[0]?.end('and ended');
    let text = '';
    for await (const piece of answer) text += String(piece);
    expect(text).toBe('begun, and ended');
    await closed;
    agent.destroy();
  });
});
