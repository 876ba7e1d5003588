{{- define "participant.name" -}}
{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "participant.selector" -}}
app.kubernetes.io/name: {{ .Values.participant }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: participant
{{- end }}

{{- define "participant.labels" -}}
{{ include "participant.selector" . }}
app.kubernetes.io/part-of: concordat
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "participant.environment" -}}
- name: PORT
  value: {{ .Values.port | quote }}
- name: PARTICIPANT_NAME
  value: {{ .Values.participant }}
- name: DATABASE_URL
  valueFrom:
    secretKeyRef:
      name: {{ .Values.database.existingSecret }}
      key: {{ .Values.database.key }}
- name: KAFKA_BROKERS
  value: {{ join "," .Values.kafka.brokers | quote }}
{{- with .Values.kafka.client }}
- name: KAFKA_CLIENT
  value: {{ . }}
{{- end }}
{{- with .Values.coordinatorUrls }}
- name: COORDINATOR_URLS
  value: {{ join "," . | quote }}
{{- end }}
{{- if .Values.coordinatorApiKey.existingSecret }}
- name: COORDINATOR_API_KEY_FILE
  value: /etc/concordat/coordinator-api-key/key
{{- end }}
- name: LOG_LEVEL
  value: {{ .Values.logLevel }}
{{- with .Values.tracing }}
{{- if .endpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ .endpoint }}
- name: OTEL_TRACES_SAMPLER
  value: {{ .sampler }}
- name: OTEL_TRACES_SAMPLER_ARG
  value: {{ .ratio | toString | quote }}
{{- end }}
{{- end }}
{{- with include "participant.trustEnvironment" . | trim }}
{{ . }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}
