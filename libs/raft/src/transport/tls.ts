/**
 * Certificates in PEM. With them both ends prove who they are, and everything is encrypted. Whoever has a certificate of
 * the authority is believed to be a member; whoever connects checks besides that the certificate names the address.
 *
 * They may be replaced while in use: the properties then read the newest, connections made from then on go by them, and
 * those that stand are left as they are.
 */
export interface TransportTls {
  /** Of the authorities, one of which signed each member's certificate. */
  readonly authority: Buffer;
  readonly certificate: Buffer;
  readonly key: Buffer;
  /** Calls back whenever they were replaced. Left out where they never are. */
  onChange?(listener: () => void): void;
}
