{{- define "concordat.name" -}}
{{- if contains .Chart.Name .Release.Name -}}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{- else -}}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" }}{{- end -}}
{{- end }}

{{- define "concordat.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: coordinator
{{- end }}

{{- define "concordat.labels" -}}
{{ include "concordat.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "concordat.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}{{ .repository }}@{{ .digest }}{{- else -}}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{- end -}}
{{- end -}}
{{- end }}

{{- define "concordat.serviceAccount" -}}
{{ .Values.serviceAccount.existingName | default (include "concordat.name" .) }}
{{- end }}

{{- /* The DNS name that peers find a pod by, for an ordinal or for $(POD_NAME). */ -}}
{{- define "concordat.peerDomain" -}}
{{ include "concordat.name" . }}-peers.{{ .Release.Namespace }}.svc
{{- end }}

{{- /* 1=name-1.…:7070,2=… : ordinals begin at 1, so an ordinal is a node id. */ -}}
{{- define "concordat.peers" -}}
{{- $name := include "concordat.name" . -}}
{{- $domain := include "concordat.peerDomain" . -}}
{{- $peers := list -}}
{{- range $id := untilStep 1 (int (add .Values.replicas 1)) 1 -}}
{{- $peers = append $peers (printf "%d=%s-%d.%s:7070" $id $name $id $domain) -}}
{{- end -}}
{{- join "," $peers -}}
{{- end }}

{{- define "concordat.databaseSecret" -}}
{{- if .Values.postgres.sidecar.enabled -}}
{{ .Values.postgres.sidecar.existingSecret | default (printf "%s-postgres" (include "concordat.name" .)) }}
{{- else -}}
{{ required "postgres.existingSecret is needed when postgres.sidecar.enabled is false" .Values.postgres.existingSecret }}
{{- end -}}
{{- end }}

{{- define "concordat.keysSecret" -}}
{{ .Values.auth.existingSecret | default (printf "%s-api-keys" (include "concordat.name" .)) }}
{{- end }}

{{- define "concordat.terminationGracePeriodSeconds" -}}
{{- with .Values.stop -}}
{{ add .preStopSeconds (ceil (divf .graceMs 1000)) .closeSeconds }}
{{- end -}}
{{- end }}

{{- /* What every container may do: nothing but compute and write to its volumes. */ -}}
{{- define "concordat.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
{{- end }}
