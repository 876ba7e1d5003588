import { emptyQuerySchema, participantListSchema, participantSchema } from '../schemas.js';
import { json, type Route } from './route.js';

export const participantRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/participants',
    operationId: 'listParticipants',
    tag: 'participants',
    role: 'caller',
    summary: 'List the participants that have announced themselves.',
    query: emptyQuerySchema,
    responses: [json(200, 'All participants.', participantListSchema)],
    errors: ['request-invalid', 'not-ready'],
  },
  {
    method: 'GET',
    path: '/v1/participants/{name}',
    operationId: 'getParticipant',
    tag: 'participants',
    role: 'caller',
    summary: 'Read a participant: health, lag, branches in doubt, operations.',
    query: emptyQuerySchema,
    responses: [json(200, 'The participant.', participantSchema)],
    errors: ['request-invalid', 'participant-not-found', 'not-ready'],
  },
];
