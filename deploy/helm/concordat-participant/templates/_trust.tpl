{{- /* How Kafka knows this process, and which messages it believes: docs/security-kafka.md. */ -}}
{{- define "participant.trustEnvironment" -}}
{{- if .Values.kafka.tls.existingSecret }}
- name: KAFKA_TLS_CA_FILE
  value: /etc/concordat/kafka-tls/ca.crt
{{- if .Values.kafka.tls.clientCertificate }}
- name: KAFKA_TLS_CERT_FILE
  value: /etc/concordat/kafka-tls/tls.crt
- name: KAFKA_TLS_KEY_FILE
  value: /etc/concordat/kafka-tls/tls.key
{{- end }}
{{- end }}
{{- if .Values.kafka.sasl.existingSecret }}
- name: KAFKA_SASL_MECHANISM
  value: {{ .Values.kafka.sasl.mechanism }}
- name: KAFKA_SASL_USERNAME
  value: {{ .Values.kafka.sasl.username | quote }}
- name: KAFKA_SASL_PASSWORD_FILE
  value: /etc/concordat/kafka-sasl/password
{{- end }}
{{- if .Values.messageKeys.existingSecret }}
- name: MESSAGE_KEYS_FILE
  value: /etc/concordat/message-keys/keys.json
- name: MESSAGE_KEYS_MODE
  value: {{ .Values.messageKeys.mode }}
{{- end }}
{{- end }}

{{- define "participant.trustSecrets" -}}
kafka-tls: {{ .Values.kafka.tls.existingSecret | quote }}
kafka-sasl: {{ .Values.kafka.sasl.existingSecret | quote }}
message-keys: {{ .Values.messageKeys.existingSecret | quote }}
{{- end }}

{{- define "participant.trustMounts" -}}
{{- range $name, $secret := include "participant.trustSecrets" . | fromYaml }}
{{- if $secret }}
- name: {{ $name }}
  mountPath: /etc/concordat/{{ $name }}
  readOnly: true
{{- end }}
{{- end }}
{{- end }}

{{- define "participant.trustVolumes" -}}
{{- range $name, $secret := include "participant.trustSecrets" . | fromYaml }}
{{- if $secret }}
- name: {{ $name }}
  secret:
    secretName: {{ $secret }}
    defaultMode: 0440
{{- end }}
{{- end }}
{{- end }}
