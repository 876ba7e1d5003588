/** Certificates in the terms of gRPC, on both sides always the newest. */
import { ChannelCredentials, experimental, ServerCredentials } from '@grpc/grpc-js';
import type { TransportTls } from './tls.js';

const providers = new WeakMap<TransportTls, Provider>();

/** What a client shows and believes. Undefined: nothing is asked on either side. */
export function channelCredentials(tls: TransportTls | undefined): ChannelCredentials {
  if (!tls) return ChannelCredentials.createInsecure();
  const known = providers.get(tls);
  const provider = known ?? new Provider(tls);
  if (!known) providers.set(tls, provider);
  return experimental.createCertificateProviderChannelCredentials(provider, provider);
}

/** What a server shows and believes: nobody without a certificate. Undefined: nothing is asked on either side. */
export function serverCredentials(tls: TransportTls | undefined): ServerCredentials {
  return tls ? new MutualServerCredentials(tls) : ServerCredentials.createInsecure();
}

/** Tells channels of the certificates there are, and of each that replaces them. */
class Provider implements experimental.CertificateProvider {
  readonly #authorities = new Set<experimental.CaCertificateUpdateListener>();
  readonly #identities = new Set<experimental.IdentityCertificateUpdateListener>();

  constructor(private readonly tls: TransportTls) {
    tls.onChange?.(() => {
      for (const listener of this.#authorities) this.#tellAuthority(listener);
      for (const listener of this.#identities) this.#tellIdentity(listener);
    });
  }

  addCaCertificateListener(listener: experimental.CaCertificateUpdateListener): void {
    this.#authorities.add(listener);
    this.#tellAuthority(listener);
  }

  removeCaCertificateListener(listener: experimental.CaCertificateUpdateListener): void {
    this.#authorities.delete(listener);
  }

  addIdentityCertificateListener(listener: experimental.IdentityCertificateUpdateListener): void {
    this.#identities.add(listener);
    this.#tellIdentity(listener);
  }

  removeIdentityCertificateListener(listener: experimental.IdentityCertificateUpdateListener): void {
    this.#identities.delete(listener);
  }

  #tellAuthority(listener: experimental.CaCertificateUpdateListener): void {
    listener({ caCertificate: this.tls.authority });
  }

  #tellIdentity(listener: experimental.IdentityCertificateUpdateListener): void {
    listener({ certificate: this.tls.certificate, privateKey: this.tls.key });
  }
}

class MutualServerCredentials extends ServerCredentials {
  constructor(tls: TransportTls) {
    const context = () => ({ ca: tls.authority, cert: [tls.certificate], key: [tls.key] });
    super({ requestCert: true, rejectUnauthorized: true }, context());
    tls.onChange?.(() => this.updateSecureContextOptions(context()));
  }

  _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}
