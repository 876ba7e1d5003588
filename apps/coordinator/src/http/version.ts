/** Version of the REST and Kafka interfaces, as the documents show it; the same as the package's. */
export const API_VERSION = '0.1.0';
