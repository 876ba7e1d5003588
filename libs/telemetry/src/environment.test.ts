import { describe, expect, it } from '@jest/globals';
import { readTelemetryEnvironment, TelemetryEnvironmentError } from './environment.js';

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };

describe('the environment of telemetry', () => {
  it.each([
    ['without an endpoint', {}],
    ['with an empty one', { OTEL_EXPORTER_OTLP_ENDPOINT: ' ' }],
    ['when the SDK is disabled', { ...ENDPOINT, OTEL_SDK_DISABLED: 'true' }],
    ['when traces are exported nowhere', { ...ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }],
  ])('asks for none %s', (_, environment) => {
    expect(readTelemetryEnvironment(environment)).toBeUndefined();
  });

  it('gives the common address the path of traces, and takes their own as it is', () => {
    expect(readTelemetryEnvironment(ENDPOINT)?.tracesUrl).toBe('http://collector:4318/v1/traces');
    const behind = { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://gateway/otlp/' };
    expect(readTelemetryEnvironment(behind)?.tracesUrl).toBe('https://gateway/otlp/v1/traces');
    const own = { ...ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://traces:4318/' };
    expect(readTelemetryEnvironment(own)?.tracesUrl).toBe('http://traces:4318/');
  });

  it('has the defaults of the specification, and a bound on what waits', () => {
    expect(readTelemetryEnvironment(ENDPOINT)).toMatchObject({
      sampler: 'parentbased_always_on',
      ratio: 1,
      queuedSpansMax: 2_048,
      batchSpansMax: 512,
      delayMs: 5_000,
    });
    const set = { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.25' };
    const more = { OTEL_BSP_MAX_QUEUE_SIZE: '100', OTEL_SERVICE_NAME: 'shop' };
    expect(readTelemetryEnvironment({ ...ENDPOINT, ...set, ...more })).toMatchObject({
      sampler: 'parentbased_traceidratio',
      ratio: 0.25,
      queuedSpansMax: 100,
      serviceName: 'shop',
    });
  });

  it.each([
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318'],
    ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'nowhere'],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc'],
    ['OTEL_TRACES_EXPORTER', 'zipkin'],
    ['OTEL_TRACES_SAMPLER', 'sometimes'],
    ['OTEL_TRACES_SAMPLER_ARG', '1.5'],
    ['OTEL_BSP_MAX_QUEUE_SIZE', '0'],
    ['OTEL_BSP_SCHEDULE_DELAY', 'soon'],
  ])('names %s when it cannot be used, and does not repeat it', (name, value) => {
    const read = () => readTelemetryEnvironment({ ...ENDPOINT, [name]: value });
    expect(read).toThrow(TelemetryEnvironmentError);
    expect(read).toThrow(new RegExp(`^${name} cannot be used: expected `));
  });
});
