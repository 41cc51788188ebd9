{{/* What may reach a component and what it may reach. Probes come from the node, which policies do not hold back. */}}
{{- define "usher.policy" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "usher.metadata" . | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "usher.selector" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
  ingress:
    {{- include "usher.ingressRules" . | nindent 4 }}
  egress:
    {{- include "usher.egressRules" . | nindent 4 }}
{{- end -}}

{{- define "usher.ingressRules" -}}
{{- $root := .root -}}
{{- $from := list -}}
{{- if eq .facts.protocol "http" -}}
{{- $from = .root.Values.networkPolicy.gatewayFrom -}}
{{- if $from -}}
{{- $from = append $from (include "usher.peer" (dict "root" $root "name" "test") | fromYaml) -}}
{{- end -}}
{{- else -}}
{{- range $caller, $facts := include "usher.facts" . | fromYaml -}}
{{- if has $.name $facts.calls -}}
{{- $from = append $from (include "usher.peer" (dict "root" $root "name" $caller) | fromYaml) -}}
{{- end -}}
{{- end -}}
{{- end -}}
- ports:
    - port: {{ .facts.protocol }}
  {{- with $from }}
  from:
    {{- toYaml . | nindent 4 }}
  {{- end }}
- ports:
    - port: metrics
  from:
    {{- .root.Values.networkPolicy.metricsFrom | default (list (dict "namespaceSelector" dict)) | toYaml | nindent 4 }}
{{- end -}}

{{- define "usher.egressRules" -}}
{{- $policy := .root.Values.networkPolicy -}}
{{- $all := include "usher.facts" . | fromYaml -}}
{{- include "usher.outside" (dict "place" $policy.dns "protocols" (list "UDP" "TCP")) }}
{{- range .facts.calls }}
- to:
    {{- list (include "usher.peer" (dict "root" $.root "name" .) | fromYaml) | toYaml | nindent 4 }}
  ports:
    - port: {{ (index $all .).protocol }}
{{- end }}
{{- range .facts.reaches }}
{{ include "usher.outside" (dict "place" (index $policy .)) }}
{{- end }}
{{- $settings := mergeOverwrite (deepCopy .root.Values.settings) .own.settings }}
{{- if $settings.telemetry.otlp_endpoint }}
{{ include "usher.outside" (dict "place" $policy.otlp) }}
{{- end }}
{{- end -}}

{{- define "usher.peer" -}}
podSelector:
  matchLabels:
    {{- include "usher.selector" . | nindent 4 }}
{{- end -}}

{{/* Something that is not of this chart. Arguments: place (to, ports), protocols. */}}
{{- define "usher.outside" -}}
- ports:
    {{- range $port := .place.ports }}
    {{- range $.protocols | default (list "TCP") }}
    - { port: {{ int $port }}, protocol: {{ . }} }
    {{- end }}
    {{- end }}
  {{- with .place.to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
