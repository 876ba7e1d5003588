import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, exportSPKI, generateKeyPair, type JWK, SignJWT } from 'jose';

export const ISSUER = 'https://id.example';
export const AUDIENCE = 'concordat';

/** A real key set behind real HTTP, and tokens signed with its keys. */
export class IdentityProvider {
  /** Requests for the key set. */
  asked = 0;
  away = false;
  /** What it answers in place of the key set. */
  answer: string | undefined;
  readonly #keys = new Map<string, { readonly jwk: JWK; readonly secret: CryptoKey; readonly spki: string }>();
  readonly #server: Server = createServer((_request, response) => {
    this.asked += 1;
    if (this.away) return void response.writeHead(503).end();
    response.setHeader('content-type', 'application/json');
    response.end(this.answer ?? JSON.stringify({ keys: [...this.#keys.values()].map(({ jwk }) => jwk) }));
  });

  static async start(): Promise<IdentityProvider> {
    const provider = new IdentityProvider();
    await provider.rotate('k1');
    await new Promise<void>((resolve) => provider.#server.listen(0, '127.0.0.1', resolve));
    return provider;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/jwks`;
  }

  /** Signs with a new key from now on; `drop` takes the older ones out of the set. */
  async rotate(kid: string, drop = false): Promise<void> {
    const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true });
    if (drop) this.#keys.clear();
    const jwk = { ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' };
    this.#keys.set(kid, { jwk, secret: privateKey, spki: await exportSPKI(publicKey) });
  }

  /** @param claims beside or in place of issuer, audience, subject and an expiry an hour from now */
  async token(claims: Record<string, unknown> = {}, kid = [...this.#keys.keys()].at(-1) as string): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const payload = { iss: ISSUER, aud: AUDIENCE, sub: 'shop', exp: now + 3600, roles: ['caller'], ...claims };
    const key = this.#keys.get(kid) ?? [...this.#keys.values()].at(-1);
    return new SignJWT(payload).setProtectedHeader({ alg: 'RS256', kid }).sign(key?.secret as CryptoKey);
  }

  /** The public key as text: what an attacker knows. */
  publicKey(kid: string): string {
    return this.#keys.get(kid)?.spki ?? '';
  }

  stop(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}
