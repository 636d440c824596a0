{{/* The agent keeps its state in this namespace and in no other. */}}
{{- define "agent.namespace" -}}
{{- if ne .Release.Namespace "fairlead-system" -}}
{{- fail "the agent lives in the namespace fairlead-system: give --namespace fairlead-system" -}}
{{- end -}}
fairlead-system
{{- end -}}

{{- define "agent.selector" -}}
app.kubernetes.io/name: fairlead-agent
{{- end -}}

{{- define "agent.labels" -}}
{{ include "agent.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end -}}

{{- define "agent.image" -}}
{{- $repository := required "image.repository is needed: where you pushed dist/image (npm run build:image)" .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{ $repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ $repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* One rule of egress, or nothing where no port is named. */}}
{{- define "agent.egress" -}}
- ports:
  {{- range $port := .peers.ports }}
  {{- range $.protocols }}
    - { protocol: {{ . }}, port: {{ $port }} }
  {{- end }}
  {{- end }}
  {{- with .peers.cidrs }}
  to:
  {{- range . }}
    - ipBlock: { cidr: {{ . | quote }} }
  {{- end }}
  {{- end }}
{{- end -}}
