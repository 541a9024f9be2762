// The least a NestJS API can be and still do the job: Fastify, a JWT checked with a KeyObject, one named pg statement.
import 'reflect-metadata';
import { createSecretKey } from 'node:crypto';
import { Controller, Get, Injectable, Module, Param, UnauthorizedException, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import jwt from 'jsonwebtoken';
import { Pool } from 'pg';

const key = createSecretKey(Buffer.from(process.env.JWT_SECRET));
const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 10 });

class JwtGuard {
  canActivate(context) {
    const request = context.switchToHttp().getRequest();
    try {
      request.user = jwt.verify(request.headers.authorization?.slice('Bearer '.length) ?? '', key, {
        algorithms: ['HS256'],
      });
      return true;
    } catch {
      throw new UnauthorizedException();
    }
  }
}
Injectable()(JwtGuard);

class AgentsController {
  async find(id) {
    const { rows } = await pool.query({
      name: 'find_agent',
      text: 'SELECT id, name, status, region, image, config, created_at FROM agents WHERE id = $1',
      values: [id],
    });
    return { data: rows[0] };
  }

  token() {
    return { token: jwt.sign({ sub: 'bench' }, key, { algorithm: 'HS256', expiresIn: '1h' }) };
  }
}
const of = (name) => Object.getOwnPropertyDescriptor(AgentsController.prototype, name);
Get('agents/:id')(AgentsController.prototype, 'find', of('find'));
UseGuards(JwtGuard)(AgentsController.prototype, 'find', of('find'));
Param('id')(AgentsController.prototype, 'find', 0);
Get('token')(AgentsController.prototype, 'token', of('token'));
Controller()(AgentsController);

class BareModule {}
Module({ controllers: [AgentsController], providers: [JwtGuard] })(BareModule);

const app = await NestFactory.create(BareModule, new FastifyAdapter(), { logger: false });
await app.listen(0, '127.0.0.1');
process.stdout.write(`${await app.getUrl()}\n`);
process.once('SIGTERM', () => process.exit(0));
