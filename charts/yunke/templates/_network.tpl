{{- define "yunke.ports" -}}
[{{ range $index, $port := . }}{{ if $index }}, {{ end }}{ port: {{ $port }}, protocol: TCP }{{ end }}]
{{- end -}}

{{/* Everywhere but private, loopback and link-local networks (RFC 1918, 3927, 6598; RFC 4193, 4291). */}}
{{- define "yunke.public" -}}
- ipBlock: { cidr: 0.0.0.0/0, except: [10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, 172.16.0.0/12, 192.168.0.0/16] }
- ipBlock: { cidr: '::/0', except: ['::1/128', 'fc00::/7', 'fe80::/10'] }
{{- end -}}

{{- define "yunke.egress.dns" -}}
- ports: [{ port: 53, protocol: UDP }, { port: 53, protocol: TCP }]
  to: {{- toYaml .Values.networkPolicy.dnsTo | nindent 4 }}
{{- end -}}

{{- define "yunke.egress.kafka" -}}
{{- $ports := list -}}
{{- range .Values.kafka.brokers }}{{- $ports = append $ports (regexFind "[0-9]+$" .) }}{{- end -}}
{{- range .Values.networkPolicy.kafkaPorts }}{{- $ports = append $ports (toString .) }}{{- end -}}
- ports: {{ include "yunke.ports" ($ports | uniq) }}
  {{- with .Values.networkPolicy.kafkaTo }}
  to: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "yunke.egress.postgres" -}}
- ports: [{ port: {{ ternary .database.port .root.Values.networkPolicy.postgresPort (not (empty .database.host)) }}, protocol: TCP }]
  {{- with .root.Values.networkPolicy.postgresTo }}
  to: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
