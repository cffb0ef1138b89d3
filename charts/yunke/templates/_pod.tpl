{{/* Of a secret: dict "name" NAME "secret" SECRET "key" KEY. */}}
{{- define "yunke.fromSecret" -}}
- name: {{ .name }}
  valueFrom: { secretKeyRef: { name: {{ .secret | quote }}, key: {{ .key | quote }} } }
{{- end -}}

{{/* How Kafka is reached. */}}
{{- define "yunke.env.kafka" -}}
{{- with .Values.kafka -}}
- { name: KAFKA_BROKERS, value: {{ join "," .brokers | quote }} }
- { name: KAFKA_TLS, value: {{ ternary "on" "off" .tls.enabled | quote }} }
{{- if .replicationFactor }}
- { name: KAFKA_REPLICATION_FACTOR, value: {{ .replicationFactor | quote }} }
{{- end }}
{{- if .tls.caSecret }}
{{ include "yunke.fromSecret" (dict "name" "KAFKA_CA" "secret" .tls.caSecret "key" .tls.caKey) }}
{{- end }}
{{- if .tls.clientSecret }}
{{ include "yunke.fromSecret" (dict "name" "KAFKA_CLIENT_CERT" "secret" .tls.clientSecret "key" .tls.clientCertKey) }}
{{ include "yunke.fromSecret" (dict "name" "KAFKA_CLIENT_KEY" "secret" .tls.clientSecret "key" .tls.clientKeyKey) }}
{{- end }}
{{- if .sasl.mechanism }}
- { name: KAFKA_SASL_MECHANISM, value: {{ .sasl.mechanism }} }
{{- if .sasl.username }}
- { name: KAFKA_SASL_USERNAME, value: {{ .sasl.username | quote }} }
{{- else }}
{{ include "yunke.fromSecret" (dict "name" "KAFKA_SASL_USERNAME" "secret" .sasl.existingSecret "key" .sasl.usernameKey) }}
{{- end }}
{{ include "yunke.fromSecret" (dict "name" "KAFKA_SASL_PASSWORD" "secret" .sasl.existingSecret "key" .sasl.passwordKey) }}
{{- end }}
{{- end }}
- { name: YUNKE_PARTITIONS, value: {{ .Values.platform.partitions | quote }} }
{{- end -}}

{{/* Where a database is: its settings. */}}
{{- define "yunke.env.database" -}}
{{- if .host -}}
- { name: YUNKE_DATABASE_URL, value: {{ printf "postgres://%s:%v/%s%s" .host .port .name (ternary (printf "?sslmode=%s" .sslMode) "" (not (empty .sslMode))) | quote }} }
{{ include "yunke.fromSecret" (dict "name" "YUNKE_DATABASE_USER" "secret" .existingSecret "key" .usernameKey) }}
{{ include "yunke.fromSecret" (dict "name" "YUNKE_DATABASE_PASSWORD" "secret" .existingSecret "key" .passwordKey) }}
{{- else -}}
{{ include "yunke.fromSecret" (dict "name" "YUNKE_DATABASE_URL" "secret" .existingSecret "key" .urlKey) }}
{{- end }}
{{- if .caSecret }}
{{ include "yunke.fromSecret" (dict "name" "YUNKE_DATABASE_CA" "secret" .caSecret "key" .caKey) }}
{{- end }}
{{- end -}}

{{- define "yunke.pod.securityContext" -}}
runAsNonRoot: true
{{- with .Values.runAsUser }}
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
{{- end }}
seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{- define "yunke.container.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities: { drop: [ALL] }
{{- end -}}

{{/* A container that brings databases to their schema: dict "root" . "name" NAME "services" "a,b" "database" VALUES */}}
{{- define "yunke.migrate" -}}
- name: {{ .name }}
  image: {{ include "yunke.image" .root | quote }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  args: [migrate]
  env:
    - { name: YUNKE_SERVICES, value: {{ .services | quote }} }
    {{- include "yunke.env.database" .database | nindent 4 }}
  securityContext: {{- include "yunke.container.securityContext" .root | nindent 4 }}
  resources: {{- toYaml .root.Values.migrations.resources | nindent 4 }}
  volumeMounts: [{ name: tmp, mountPath: /tmp }]
{{- end -}}

{{/* The pod that prepares everything: schemas, one container for the services that share a secret and one each for the others; then topics. */}}
{{- define "yunke.prepare.pod" -}}
{{- $root := . -}}
{{- $shared := list -}}
{{- $services := include "yunke.services" . | fromYaml -}}
{{- range $name, $service := $services }}{{- if not $service.databaseOwn }}{{- $shared = append $shared $name }}{{- end }}{{- end -}}
metadata:
  labels:
    {{- include "yunke.labels" . | nindent 4 }}
    app.kubernetes.io/component: prepare
spec:
  restartPolicy: Never
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- with .Values.image.pullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext: {{- include "yunke.pod.securityContext" . | nindent 4 }}
  initContainers:
    {{- if $shared }}
    {{- include "yunke.migrate" (dict "root" $root "name" "migrate" "services" (join "," $shared) "database" .Values.database) | nindent 4 }}
    {{- end }}
    {{- range $name, $service := $services }}
    {{- if $service.databaseOwn }}
    {{- include "yunke.migrate" (dict "root" $root "name" (printf "migrate-%s" $name) "services" $name "database" $service.database) | nindent 4 }}
    {{- end }}
    {{- end }}
  containers:
    - name: topics
      image: {{ include "yunke.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: [topics, {{ ternary "apply" "check" .Values.migrations.topics }}]
      env: {{- include "yunke.env.kafka" . | nindent 8 }}
      securityContext: {{- include "yunke.container.securityContext" . | nindent 8 }}
      resources: {{- toYaml .Values.migrations.resources | nindent 8 }}
      volumeMounts: [{ name: tmp, mountPath: /tmp }]
  volumes: [{ name: tmp, emptyDir: { sizeLimit: 64Mi } }]
{{- end -}}
