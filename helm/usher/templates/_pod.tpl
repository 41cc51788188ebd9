{{/*
The parts of a pod that are the same for services, the migration Job and the test: the restricted Pod Security Standard,
and where it may run. Arguments: root, name, own.
*/}}

{{/* The component's own values of `pod` over the common ones. */}}
{{- define "usher.podValues" -}}
{{- $pod := deepCopy .root.Values.pod -}}
{{- range $key, $value := .own.pod -}}
{{- if and (kindIs "map" $value) (eq $key "topologySpread") -}}
{{- $value = mergeOverwrite (index $pod $key) $value -}}
{{- end -}}
{{- $_ := set $pod $key $value -}}
{{- end -}}
{{- toYaml $pod -}}
{{- end -}}

{{- define "usher.podMetadata" -}}
{{- $pod := include "usher.podValues" . | fromYaml -}}
{{/* a new version of the chart alone is no reason to start pods anew */}}
{{- $labels := omit (include "usher.labels" . | fromYaml) "helm.sh/chart" "app.kubernetes.io/managed-by" -}}
labels:
  {{- merge $labels $pod.labels | toYaml | nindent 2 }}
{{- with $pod.annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The begin of a pod's spec, up to its containers. */}}
{{- define "usher.podHead" -}}
{{- $pod := include "usher.podValues" . | fromYaml -}}
automountServiceAccountToken: false
# They would put variables such as USHER_CONTACTS_PORT into the pod, which are no settings.
enableServiceLinks: false
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  {{- if $pod.uid }}
  runAsUser: {{ int64 $pod.uid }}
  runAsGroup: {{ int64 $pod.uid }}
  {{- end }}
  seccompProfile: { type: RuntimeDefault }
{{- with $pod.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $pod.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $pod.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $pod.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

{{- define "usher.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}

{{/* Environment from elsewhere and mounts: what a container of ours ends with. */}}
{{- define "usher.containerTail" -}}
{{- $pod := include "usher.podValues" . | fromYaml -}}
env:
  {{- include "usher.environment" . | nindent 2 }}
  {{- with $pod.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with $pod.extraEnvFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
resources:
  {{- toYaml .own.resources | nindent 2 }}
securityContext:
  {{- include "usher.containerSecurity" . | nindent 2 }}
volumeMounts:
  - { name: tmp, mountPath: /tmp }
  {{- range append (index (include "usher.facts" . | fromYaml) .name).reaches "otlp" }}
  {{- if (index $.root.Values.authorities .).name }}
  - { name: {{ . }}-authority, mountPath: {{ include "usher.authorityFolder" . }}, readOnly: true }
  {{- end }}
  {{- end }}
  {{- with $pod.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "usher.volumes" -}}
{{- $pod := include "usher.podValues" . | fromYaml -}}
- name: tmp
  emptyDir: { sizeLimit: 64Mi }
{{- range $reached := append (index (include "usher.facts" . | fromYaml) .name).reaches "otlp" }}
{{- with index $.root.Values.authorities $reached }}
{{- if .name }}
- name: {{ $reached }}-authority
  secret:
    secretName: {{ .name | quote }}
    items: [{ key: {{ .key | quote }}, path: ca.crt }]
{{- end }}
{{- end }}
{{- end }}
{{- with $pod.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}
