/** Certificates in PEM. With them both ends prove who they are, and everything is encrypted. */
export interface TransportTls {
  /** Of the authority that signed all members' certificates. */
  authority: Buffer;
  certificate: Buffer;
  key: Buffer;
}
