{{- define "concordat.coordinatorContainer" -}}
- name: coordinator
  image: {{ include "concordat.image" . }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  command: [node, --enable-source-maps, apps/coordinator/dist/main.js]
  env:
    {{- include "concordat.environment" . | nindent 4 }}
  ports:
    - name: http
      containerPort: 8080
    - name: raft
      containerPort: 7070
  # Recovering, or waiting for the other replicas of a new cluster, takes as long as it takes.
  startupProbe:
    httpGet: { path: /health/startup, port: http }
    periodSeconds: 2
    timeoutSeconds: 2
    failureThreshold: 300
  readinessProbe:
    httpGet: { path: /health/ready, port: http }
    periodSeconds: 2
    timeoutSeconds: 2
    failureThreshold: 2
  livenessProbe:
    httpGet: { path: /health/live, port: http }
    periodSeconds: 10
    timeoutSeconds: 5
    failureThreshold: 6
  lifecycle:
    preStop:
      exec:
        command: [sleep, {{ .Values.stop.preStopSeconds | quote }}]
  resources:
    {{- toYaml .Values.resources | nindent 4 }}
  securityContext:
    {{- include "concordat.containerSecurity" . | nindent 4 }}
  volumeMounts:
    - name: log
      mountPath: /var/lib/concordat
    - name: database
      mountPath: /etc/concordat/database
      readOnly: true
    - name: api-keys
      mountPath: /etc/concordat/keys
      readOnly: true
    - name: tmp
      mountPath: /tmp
    {{- if .Values.tls.existingSecret }}
    - name: tls
      mountPath: /etc/concordat/tls
      readOnly: true
    {{- end }}
    {{- with include "concordat.trustMounts" . | trim }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- with .Values.extraVolumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}

{{- define "concordat.environment" -}}
- name: NODE_ID
  valueFrom:
    fieldRef:
      fieldPath: metadata.labels['apps.kubernetes.io/pod-index']
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: HOST
  value: 0.0.0.0
- name: PORT
  value: "8080"
- name: RAFT_PORT
  value: "7070"
- name: PEERS
  value: {{ include "concordat.peers" . }}
- name: ADVERTISED_URL
  value: http://$(POD_NAME).{{ include "concordat.peerDomain" . }}:8080
- name: DATA_DIR
  value: /var/lib/concordat/replica # below the mount, which may hold lost+found
- name: DATABASE_URL_FILE
  value: /etc/concordat/database/{{ if .Values.postgres.sidecar.enabled }}url{{ else }}url-$(NODE_ID){{ end }}
- name: KAFKA_BROKERS
  value: {{ join "," .Values.kafka.brokers | quote }}
{{- with .Values.kafka.client }}
- name: KAFKA_CLIENT
  value: {{ . }}
{{- end }}
- name: ELECTION_TIMEOUT_MS
  value: {{ int64 .Values.electionTimeoutMs | quote }}
- name: STOP_GRACE_MS
  value: {{ int64 .Values.stop.graceMs | quote }}
- name: RETENTION_MS
  value: {{ int64 .Values.retentionMs | quote }}
- name: IDEMPOTENCY_KEY_MS
  value: {{ int64 .Values.idempotencyKeyMs | quote }}
- name: IN_FLIGHT_MAX
  value: {{ int64 .Values.inFlightMax | quote }}
- name: API_KEYS_FILE
  value: /etc/concordat/keys/api-keys.json
{{- with .Values.auth.jwt }}
{{- if .jwksUrl }}
- name: JWKS_URL
  value: {{ .jwksUrl }}
- name: JWT_ISSUER
  value: {{ required "auth.jwt.issuer is needed with auth.jwt.jwksUrl" .issuer | quote }}
- name: JWT_AUDIENCE
  value: {{ required "auth.jwt.audience is needed with auth.jwt.jwksUrl" .audience | quote }}
- name: JWT_ROLES_CLAIM
  value: {{ .rolesClaim | quote }}
- name: JWT_ROLES_PREFIX
  value: {{ .rolesPrefix | quote }}
- name: JWT_PARTICIPANTS_CLAIM
  value: {{ .participantsClaim | quote }}
{{- end }}
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
{{- if .Values.tls.existingSecret }}
- name: TLS_CA_FILE
  value: /etc/concordat/tls/ca.crt
- name: TLS_CERT_FILE
  value: /etc/concordat/tls/tls.crt
- name: TLS_KEY_FILE
  value: /etc/concordat/tls/tls.key
{{- end }}
{{- with include "concordat.trustEnvironment" . | trim }}
{{ . }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* A sidecar (an init container that goes on): it is up before the coordinator, and ends after it. */ -}}
{{- define "concordat.postgresContainer" -}}
- name: postgres
  image: {{ .Values.postgres.sidecar.image }}
  restartPolicy: Always
  args: [-c, listen_addresses=127.0.0.1]
  env:
    - name: PGDATA
      value: /var/lib/postgresql/pgdata # below the mount, which may hold lost+found
    - name: POSTGRES_USER
      value: concordat
    - name: POSTGRES_DB
      value: concordat
    - name: POSTGRES_PASSWORD_FILE
      value: /etc/concordat/database/password
  startupProbe:
    exec:
      command: [pg_isready, --quiet, --host=127.0.0.1, --username=concordat]
    periodSeconds: 2
    timeoutSeconds: 2
    failureThreshold: 300 # crash recovery takes as long as it takes
  livenessProbe:
    exec:
      command: [pg_isready, --quiet, --host=127.0.0.1, --username=concordat]
    periodSeconds: 10
    timeoutSeconds: 5
    failureThreshold: 6
  resources:
    {{- toYaml .Values.postgres.sidecar.resources | nindent 4 }}
  securityContext:
    {{- include "concordat.containerSecurity" . | nindent 4 }}
  volumeMounts:
    - name: postgres
      mountPath: /var/lib/postgresql
    - name: postgres-run
      mountPath: /var/run/postgresql
    - name: tmp
      mountPath: /tmp
    - name: database
      mountPath: /etc/concordat/database
      readOnly: true
{{- end }}

{{- define "concordat.placement" -}}
affinity:
  podAntiAffinity:
    {{- if eq .Values.antiAffinity "required" }}
    requiredDuringSchedulingIgnoredDuringExecution:
      - topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels:
            {{- include "concordat.selector" . | nindent 12 }}
    {{- else }}
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              {{- include "concordat.selector" . | nindent 14 }}
    {{- end }}
{{- if .Values.topologySpread.enabled }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: {{ .Values.topologySpread.topologyKey }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "concordat.selector" . | nindent 8 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "concordat.volumeClaim" -}}
- metadata:
    name: {{ .name }}
  spec:
    accessModes: [ReadWriteOnce]
    {{- with .storage.storageClassName }}
    storageClassName: {{ . }}
    {{- end }}
    resources:
      requests:
        storage: {{ .storage.size }}
{{- end }}
