import { BrokerTransport } from './broker-transport.js';
import { KafkajsLink } from './kafkajs/kafkajs-link.js';
import { type TransportOptions, withDefaults } from './options.js';
import { PlatformaticLink } from './platformatic/platformatic-link.js';
import { SignedTransport } from './signing/signed-transport.js';
import type { Transport } from './transport.js';

/** Makes a transport over Kafka. Nothing is connected before `connect`. */
export function createTransport(options: TransportOptions): Transport {
  const settings = withDefaults(options);
  const transport = new BrokerTransport(settings, (context) =>
    settings.client === 'kafkajs' ? new KafkajsLink(context) : new PlatformaticLink(context),
  );
  return settings.signing ? new SignedTransport(transport, settings.signing) : transport;
}
