{{- define "yunke.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $full .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* What an upgrade must never change: selectors are immutable. */}}
{{- define "yunke.selector" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "yunke.labels" -}}
{{ include "yunke.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: yunke
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "yunke.image" -}}
{{- $tag := default .Chart.AppVersion .Values.image.tag -}}
{{- if eq $tag "latest" }}{{ fail "image.tag: latest is refused: a rollback must find what it left; name a version" }}{{ end -}}
{{ .Values.image.repository }}:{{ $tag }}{{ with .Values.image.digest }}@{{ . }}{{ end }}
{{- end -}}

{{- define "yunke.serviceAccount" -}}
{{- if .root.Values.serviceAccount.create -}}{{ include "yunke.fullname" .root }}-{{ .name }}{{- else -}}{{ default "default" .root.Values.serviceAccount.name }}{{- end -}}
{{- end -}}

{{/* The services that are installed, each with the defaults under its own values, as YAML. */}}
{{- define "yunke.services" -}}
{{- $root := . -}}
{{- $found := dict -}}
{{- range $name, $own := .Values.services -}}
{{- $one := mergeOverwrite (deepCopy $root.Values.defaults) (deepCopy (default dict $own)) -}}
{{- $_ := set $one "databaseOwn" (gt (len $one.database) 0) -}}
{{- $_ := set $one "database" (mergeOverwrite (deepCopy $root.Values.database) $one.database) -}}
{{- if and (eq $one.autoscaling.type "keda") (eq $name "ingestion") -}}
{{- fail "ingestion hears nothing from Kafka: set services.ingestion.autoscaling.type to hpa or none" -}}
{{- end -}}
{{- if gt ($one.autoscaling.min | int) ($one.autoscaling.max | int) -}}
{{- fail (printf "services.%s.autoscaling: min is larger than max" $name) -}}
{{- end -}}
{{- if le ($one.terminationGracePeriodSeconds | int) (add $one.drainSeconds 30 | int) -}}
{{- fail (printf "services.%s.terminationGracePeriodSeconds: must be more than drainSeconds and 30" $name) -}}
{{- end -}}
{{- range $key := concat (keys $one.env) (keys $one.secretEnv) -}}
{{- if has $key (include "yunke.reserved" $root | fromYamlArray) -}}
{{- fail (printf "services.%s: %s is set by the chart, or by the image: look for its value in values.yaml" $name $key) -}}
{{- end -}}
{{- end -}}
{{- if and $one.enabled (not $one.database.existingSecret) -}}
{{- fail (printf "database.existingSecret is missing, or services.%s.database.existingSecret: a secret with the database's URL, or its user and password" $name) -}}
{{- end -}}
{{- if $one.enabled -}}{{- $_ := set $found $name $one -}}{{- end -}}
{{- end -}}
{{- if not $found -}}{{- fail "every service is disabled: leave at least one of services.*.enabled" -}}{{- end -}}
{{ toYaml $found }}
{{- end -}}

{{/* What the chart sets from values of its own, or must stay as the image has it. */}}
{{- define "yunke.reserved" -}}
[YUNKE_SERVICES, YUNKE_MIGRATE, YUNKE_DRAIN_SECONDS, YUNKE_LOG_LEVEL, YUNKE_BASE_CURRENCY, YUNKE_SECRET,
 YUNKE_TOKEN_KEYS, YUNKE_BOOTSTRAP_KEYS, YUNKE_PUBLIC_URL, YUNKE_PARTITIONS, YUNKE_HOST,
 YUNKE_PORT, YUNKE_DATA, YUNKE_DATABASE_URL, YUNKE_DATABASE_USER, YUNKE_DATABASE_PASSWORD,
 YUNKE_DATABASE_CA, KAFKA_BROKERS, KAFKA_TLS, KAFKA_CA, KAFKA_CLIENT_CERT,
 KAFKA_CLIENT_KEY, KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD, KAFKA_REPLICATION_FACTOR,
 OTEL_EXPORTER_OTLP_ENDPOINT, NODE_ENV, YUNKE_CLOCK]
{{- end -}}

{{/* The path prefixes that a service answers. */}}
{{- define "yunke.routes" -}}
ingestion: [/v1, /api/sources, /api/quarantine]
identity: [/api/profiles, /api/identity]
segmentation: [/api/segmentation]
orders: [/api/orders]
inventory: [/api/inventory]
notifications: [/api/notifications, /notifications]
{{- end -}}
