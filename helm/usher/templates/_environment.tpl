{{/*
The environment of a component, as a list. Arguments: root, name, own (the component's part of the values).

Secrets are references; nothing secret is part of a rendered object. What has no value is left out, so that the
program's own default holds.
*/}}
{{- define "usher.environment" -}}
{{- $facts := index (include "usher.facts" . | fromYaml) .name -}}
{{- $all := include "usher.facts" . | fromYaml -}}
{{- $values := .root.Values -}}
- { name: USHER_MODE, value: production }
{{- with $facts.listens }}
- name: {{ . }}
  value: {{ printf "%s:%v" $values.bindAddress $facts.port | quote }}
- name: USHER_PRIVATE_LISTEN
  value: {{ printf "%s:%s" $values.bindAddress (include "usher.metricsPort" $) | quote }}
- name: USHER_PUBLIC_URL
  value: {{ required "publicUrl: the address under which people reach the portal, such as https://portal.firm.example" $values.publicUrl | quote }}
{{- end }}
{{- range $facts.calls }}
- name: USHER_{{ upper . }}_URL
  value: http://{{ include "usher.component" (dict "root" $.root "name" .) }}:{{ (index $all .).port }}
{{- end }}
{{- if eq .name "operations" }}
- name: USHER_PUBLIC_URL
  value: {{ $values.publicUrl | quote }}
{{- end }}
{{- if eq .name "invitations" }}
- name: USHER_ORGANIZATION_SLUG
  value: {{ $values.organization.slug | quote }}
- name: USHER_ORGANIZATION_NAME
  value: {{ $values.organization.name | quote }}
- name: USHER_ADMIN_EMAIL
  value: {{ required "admin.email: the address of the first organization's administrator" $values.admin.email | quote }}
{{- if $values.admin.passwordSecret.name }}
{{- include "usher.secretVariable" (dict "variable" "USHER_ADMIN_PASSWORD" "secret" $values.admin.passwordSecret) }}
{{- end }}
{{- end }}
{{- range $facts.secrets }}
{{- $secret := mergeOverwrite (deepCopy (index $values.secrets .)) (index $.own.secrets . | default dict) }}
{{- include "usher.secretVariable" (dict "variable" (index (include "usher.secretVariables" $ | fromYaml) .) "secret" $secret) }}
{{- end }}
{{- range append $facts.reaches "otlp" }}
{{- if (index $values.authorities .).name }}
- name: {{ index (include "usher.authorityVariables" $ | fromYaml) . }}
  value: {{ include "usher.authorityFolder" . }}/ca.crt
{{- end }}
{{- end }}
{{- $settings := mergeOverwrite (deepCopy $values.settings) .own.settings }}
{{- if and (has "mail" $facts.settings) (not $settings.mail.from) }}
{{- fail "settings.mail.from: the address that mails come from" }}
{{- end }}
{{- range concat (list "runtime" "lifecycle" "telemetry" "grpc") $facts.settings | sortAlpha }}
{{- $given := index $settings . }}
{{- if kindIs "map" $given }}
{{- $table := . }}
{{- range $key, $value := $given }}
{{- include "usher.setting" (dict "variable" (printf "USHER_%s__%s" (upper $table) (upper $key)) "value" $value) }}
{{- end }}
{{- else }}
{{- include "usher.setting" (dict "variable" (printf "USHER_%s" (upper .)) "value" $given) }}
{{- end }}
{{- end }}
{{- if $settings.telemetry.otlp_endpoint }}
{{- range $variable, $field := dict "K8S_POD_NAME" "metadata.name" "K8S_NAMESPACE" "metadata.namespace" "K8S_NODE_NAME" "spec.nodeName" }}
- name: {{ $variable }}
  valueFrom: { fieldRef: { fieldPath: {{ $field }} } }
{{- end }}
- name: OTEL_RESOURCE_ATTRIBUTES
  value: k8s.pod.name=$(K8S_POD_NAME),k8s.namespace.name=$(K8S_NAMESPACE),k8s.node.name=$(K8S_NODE_NAME)
{{- end }}
{{- end -}}

{{- define "usher.secretVariable" }}
- name: {{ .variable }}
  valueFrom:
    secretKeyRef:
      name: {{ .secret.name | quote }}
      key: {{ .secret.key | quote }}
{{- end -}}

{{/* Numbers of values are floating: a whole one is written as such, or a million would read 1e+06. */}}
{{- define "usher.setting" }}
{{- if not (or (kindIs "invalid" .value) (and (kindIs "string" .value) (empty .value))) }}
{{- $whole := and (kindIs "float64" .value) (eq (floor .value) .value) }}
- name: {{ .variable }}
  value: {{ ternary (int64 .value | toString) (toString .value) $whole | quote }}
{{- end }}
{{- end -}}
