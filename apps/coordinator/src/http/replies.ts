import type { FastifyReply } from 'fastify';

const JSON_MEDIA_TYPE = 'application/json; charset=utf-8';

/** Sends a text that is JSON already. */
export function sendJson(reply: FastifyReply, status: number, json: string): void {
  void reply.code(status).header('content-type', JSON_MEDIA_TYPE).send(json);
}
