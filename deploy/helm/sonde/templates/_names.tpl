{{/* sonde-agent and sonde-collector for a release called sonde; RELEASE-sonde-agent for one of another name. */}}
{{- define "sonde.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "sonde.agent" -}}{{ include "sonde.name" . }}-agent{{- end -}}
{{- define "sonde.collector" -}}{{ include "sonde.name" . }}-collector{{- end -}}

{{- define "sonde.account" -}}
{{- .Values.agent.serviceAccount.name | default (ternary (include "sonde.agent" .) "default" .Values.agent.serviceAccount.create) -}}
{{- end -}}

{{- define "sonde.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{/* What selects the pods of a part; takes (list . PART). It never changes, as a workload's selector must not. */}}
{{- define "sonde.selector" -}}
app.kubernetes.io/name: sonde-{{ index . 1 }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
{{- end -}}

{{- define "sonde.labels" -}}
{{ include "sonde.selector" . }}
app.kubernetes.io/version: {{ (index . 0).Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ (index . 0).Release.Service }}
helm.sh/chart: {{ (index . 0).Chart.Name }}-{{ (index . 0).Chart.Version }}
{{- end -}}

{{/* The agent's settings: those of the values, with the chart's own in their places. */}}
{{- define "sonde.config" -}}
{{- $own := dict "spool" (dict "directory" "/var/lib/sonde/agent/spool") "metrics" (dict "listen" "0.0.0.0:7172") -}}
{{- if not (hasKey .Values.agent.config "export") -}}
{{- if not .Values.collector.enabled -}}
{{- fail "collector.enabled is false, so that profiles go nowhere: say where by agent.config.export" -}}
{{- end -}}
{{- $_ := set $own "export" (list (dict "type" "pyroscope" "endpoint" (printf "%s:7171" (include "sonde.collector" .)))) -}}
{{- end -}}
{{- mergeOverwrite (deepCopy .Values.agent.config) $own | toYaml -}}
{{- end -}}
